"""inspect of sessions: counts with the fit, several trials together, groups per class."""

import json

import numpy as np
import pytest

import curate
from curate.artifacts.header import DatasetReference, make_header
from curate.errors import CurateError, MismatchError
from curate.manifests.manifest import Selected, write_manifest


def test_inspect_draws_counts_with_the_fit_and_breaks_down_by_class(digits_session):
    report = curate.inspect(digits_session, by="class")
    chart = next(c for c in report.charts if c.title.startswith("how many samples are selected how often"))
    assert sum(bar.value for bar in chart.bars) == 1443
    assert sum(bar.mark for bar in chart.bars) == pytest.approx(1443, rel=1e-3)
    per_class = [c for c in report.charts if c.title.endswith(", per class")]
    assert [c.title.split(",")[0] for c in per_class] == ["always", "sometimes", "never"]
    shares = np.array([[bar.value for bar in c.bars] for c in per_class])
    np.testing.assert_allclose(shares.sum(axis=0), 1)
    json.dumps(report.as_dict())


def test_inspect_counts_several_trials_together(digits_session, cli):
    two = curate.inspect(digits_session, digits_session)
    n_asked = len(curate.open_manifest(digits_session).header.summary["checkpoints"])
    chart = two.charts[0]
    once = curate.open_manifest(digits_session).samples["n_checkpoints_selected"]
    assert [bar.value for bar in chart.bars] == np.bincount(2 * once, minlength=2 * n_asked + 1).tolist()
    result = cli("inspect", digits_session, digits_session)
    assert result.code == 0
    assert "2 sessions on digits" in result.out
    assert "(fit " in result.out


def test_sessions_that_do_not_belong_together_are_refused(digits_session, digits_round, tmp_path):
    with pytest.raises(CurateError, match="is static: only sessions"):
        curate.inspect(digits_session, digits_round.manifest)
    with pytest.raises(CurateError, match="no groups to break down"):
        curate.inspect(digits_round.manifest, by="class")
    with pytest.raises(CurateError, match="no way to break down by 'colour': use class"):
        curate.inspect(digits_session, by="colour")
    other = curate.train(
        "digits+per-class=40",
        policy="random",
        keep=0.5,
        hyperparameters={"n_epochs": 2},
        options={"width": 4},
        output=tmp_path / "other",
    )
    with pytest.raises(MismatchError):
        curate.inspect(digits_session, other.manifest.path)


def hand_made(path, epochs, seed=0):
    """A session of ten samples, with what each decision selected."""
    dataset = DatasetReference("hand", "all", 10, ["a", "b"], "0" * 64)
    summary = {"policy": "hand", "checkpoints": list(range(len(epochs)))}
    header = make_header("manifest", "train", {}, seed=seed, dataset=dataset, summary=summary)
    counts = np.bincount(np.concatenate(epochs), minlength=10)
    samples = {"index": np.arange(10), "uid": np.arange(10, dtype=np.uint64), "label": np.arange(10) % 2}
    samples["n_checkpoints_selected"] = counts
    return write_manifest(path, header, [Selected(np.array(one)) for one in epochs], samples).path


def facts_of(report):
    """Facts by name, a list of texts each."""
    by_name = {}
    for name, text in report.facts:
        by_name.setdefault(name, []).append(text)
    return by_name


def test_plain_counts_come_first_and_few_checkpoints_are_not_fitted(tmp_path):
    session = hand_made(tmp_path / "m", [[0, 1, 2], [0, 2, 3], [0, 4, 5], [0, 4, 5]])
    report = curate.inspect(session)
    facts = facts_of(report)
    assert facts["selected at no checkpoint"] == ["4 samples (40.0%)"]
    assert facts["selected at some, not all"] == ["5 samples (50.0%)"]
    assert facts["selected at every checkpoint"] == ["1 samples (10.0%)"]
    assert facts["components"] == ["not fitted to fewer than 8 checkpoints"]
    counts, changes, *_ = report.charts
    assert [(bar.value, bar.mark) for bar in counts.bars] == [
        (4, None),
        (2, None),
        (3, None),
        (0, None),
        (1, None),
    ]
    assert changes.title.startswith("changed at each checkpoint")
    assert [bar.label for bar in changes.bars] == ["epoch 1", "epoch 2", "epoch 3"]
    np.testing.assert_allclose([bar.value for bar in changes.bars], [1 / 3, 2 / 3, 0])
    with pytest.raises(CurateError, match="4 checkpoints are too few for groups: leave out --by, or pool"):
        curate.inspect(session, by="class")


def test_components_claim_no_more_than_they_show(digits_session):
    facts = facts_of(curate.inspect(digits_session))
    shares = [
        float(facts[f"component {name}"][0].partition("%")[0]) for name in ("never", "sometimes", "always")
    ]
    assert sum(shares) == pytest.approx(100, abs=0.2)
    assert "likeliest for" in facts["component never"][0]
    assert "beware" not in facts


def test_pooled_sessions_of_one_seed_or_of_unequal_length_are_warned_of(tmp_path):
    short, long = [[0, 1], [0, 2]], [[0, 1], [0, 2], [3, 4]]
    one, other = hand_made(tmp_path / "a", short, seed=0), hand_made(tmp_path / "b", short, seed=1)
    same, longer = hand_made(tmp_path / "c", short, seed=0), hand_made(tmp_path / "d", long, seed=2)
    assert "beware" not in facts_of(curate.inspect(one, other))
    (text,) = facts_of(curate.inspect(one, same))["beware"]
    assert text == "sessions of the same seed are put together: they are no independent trials"
    (text,) = facts_of(curate.inspect(one, longer))["beware"]
    assert text.startswith("sessions of different lengths are put together (2 to 3 checkpoints)")
    titles = [chart.title for chart in curate.inspect(one, other).charts]
    assert not any(title.startswith("changed at each checkpoint") for title in titles)


def test_counts_that_chance_explains_are_said_to_mean_nothing(tmp_path):
    chance = np.random.default_rng(0)
    epochs = [np.sort(chance.choice(10, 4, replace=False)).tolist() for _ in range(12)]
    (text,) = facts_of(curate.inspect(hand_made(tmp_path / "m", epochs)))["beware"]
    assert text.startswith("random draws of as many at every checkpoint explain these counts as well")
