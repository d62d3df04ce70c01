"""train and replay: exact reproduction, controls, statistics, and what happens with other data."""

import hashlib
import json

import numpy as np
import pyarrow.parquet as pq
import pytest
from scipy import stats

import curate
from curate import finder
from curate.errors import CurateError
from curate.networks.learner import METADATA
from curate.rng import rng
from curate.selection.policy import View
from curate.statistics import paired_difference, spread
from curate.training.observer import Observer
from curate.training.trials import MatchedRandom

QUICK = {"n_epochs": 2}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("train") / "run"
    return curate.train("digits", recipe=QUICK, seed=3, output=folder)


@pytest.fixture(scope="module")
def digits():
    return curate.open_dataset("digits")


def test_train_leaves_weights_metrics_and_manifest(trained):
    folder = trained.manifest.path
    assert sorted(path.name for path in folder.iterdir()) == [
        "README.md",
        "manifest.json",
        "metrics.parquet",
        "model.safetensors",
        "samples.parquet",
        "selection.parquet",
    ]
    metrics = pq.read_table(folder / "metrics.parquet").to_pylist()
    assert [row["epoch"] for row in metrics] == [0, 1]
    assert metrics[-1]["samples_seen"] == 2 * 1443
    assert metrics[-1]["test_accuracy"] == trained.epochs[-1].test_accuracy
    assert trained.manifest.selected(0).indices.tolist() == list(range(1443))


@pytest.fixture(scope="module")
def few():
    """240 samples for training and 60 for testing, in memory."""
    return curate.open_dataset("digits").take(np.arange(240)), curate.open_dataset("digits").take(
        np.arange(240, 300)
    )


def session(few, folder, name, sources, **more):
    """A short session of any policy on a few digits, with a network small enough for a test."""
    train, test = few
    wanted = finder.option_names(finder.load("policies", name))
    source = next((path for option, path in sources.items() if option in wanted), None)
    keep = {} if finder.load("policies", name).budget == "own" else {"keep": 0.4}
    shared = {"recipe": {"n_epochs": 5, "augment": "crop-flip"}, "options": {"width": 4}, "test": test}
    return curate.train(train, policy=name, from_=source, output=folder, seed=7, **{**shared, **keep, **more})


@pytest.fixture(scope="module")
def sources(few, tmp_path_factory):
    """What policies build on: a table of scores, and an earlier session with groups."""
    folder = tmp_path_factory.mktemp("sources")
    embedding = curate.embed(few[0], dim=8, output=folder / "e.safetensors")
    table = curate.cluster(embedding, 6, output=folder / "c.parquet")
    earlier = session(few, folder / "earlier", "ucb", {})
    return {"scores": table.path, "manifest": earlier.manifest.path}


@pytest.mark.parametrize("name", finder.names("policies"))
def test_replay_of_a_session_ends_in_the_same_weights_without_selecting(
    name, few, sources, tmp_path, monkeypatch
):
    made = session(few, tmp_path / "run", name, sources)
    monkeypatch.setattr(Observer, "losses", None)  # a replay that looks at a loss fails
    found = curate.replay(made.manifest, few[0], test=few[1], trials=1)
    assert found.runs[0].trials[0].weights_sha256 == sha_of_saved(tmp_path / "run" / "model.safetensors")
    assert found.runs[0].trials[0].samples_seen == made.epochs[-1].samples_seen
    again = session(few, tmp_path / "again", "recorded", {"manifest": made.manifest.path}, **_epochs(made))
    assert sha_of_saved(tmp_path / "again" / "model.safetensors") == (
        sha_of_saved(tmp_path / "run" / "model.safetensors")
    )
    assert again.manifest.n_epochs == made.manifest.n_epochs


def _epochs(made):
    return {"recipe": made.manifest.header["options"]["recipe"]}


def test_a_session_is_transferred_to_another_model_and_seed(few, sources):
    found = curate.replay(
        sources["manifest"], few[0], test=few[1], model="lenet5", seed=3, trials=2, against=["random"]
    )
    assert found.recipe.n_epochs == 5  # as many as were recorded, not lenet5's own number
    assert [trial.seed for trial in found.runs[0].trials] == [3, 4]
    assert [run.trials[0].samples_seen for run in found.runs] == [480, 480]


def test_freezing_trains_on_the_last_selection_throughout(few, sources, tmp_path):
    last = curate.open_manifest(sources["manifest"]).selected(4).indices
    found = curate.replay(
        sources["manifest"], few[0], test=few[1], trials=1, freeze="last", recipe={"n_epochs": 7}
    )
    assert found.runs[0].trials[0].samples_seen == 7 * len(last)
    frozen = session(
        few, tmp_path / "frozen", "recorded", sources, options={"width": 4, "freeze": "last"},
        recipe={"n_epochs": 7, "augment": "crop-flip"},
    )  # fmt: skip
    assert frozen.manifest.is_static
    assert frozen.manifest.selected(0).indices.tolist() == last.tolist()
    assert found.runs[0].trials[0].weights_sha256 == sha_of_saved(tmp_path / "frozen" / "model.safetensors")


def test_what_cannot_be_frozen_or_followed_is_refused(few, sources, trained):
    with pytest.raises(CurateError, match="is static, there is nothing to freeze: leave out --freeze"):
        curate.replay(trained.manifest, freeze="last")
    with pytest.raises(CurateError, match="freeze=first is unknown: use last"):
        curate.replay(sources["manifest"], few[0], freeze="first")
    with pytest.raises(
        CurateError, match=r"records 5 epochs, this run has 6: use --epochs 5 or fewer, or --f"
    ):
        curate.replay(sources["manifest"], few[0], recipe={"n_epochs": 6})


def test_the_same_training_gives_the_same_bytes(trained, tmp_path):
    again = curate.train("digits", recipe=QUICK, seed=3, output=tmp_path / "run")
    for file in trained.manifest.path.iterdir():
        assert file.read_bytes() == (again.manifest.path / file.name).read_bytes(), file.name


def test_replay_of_a_training_run_ends_in_the_same_weights(trained):
    found = curate.replay(trained.manifest, trials=1)
    assert found.model == "basic-cnn"
    trial = found.runs[0].trials[0]
    assert trial.seed == 3
    assert trial.accuracy == trained.epochs[-1].test_accuracy
    assert trial.weights_sha256 == sha_of_saved(trained.manifest.path / "model.safetensors")


def sha_of_saved(path):
    """The sha256 over weights in order of name, computed from the file."""
    from safetensors import safe_open

    digest = hashlib.sha256()
    with safe_open(path, framework="numpy") as file:
        assert METADATA in file.metadata()
        for name in sorted(file.keys()):
            digest.update(name.encode())
            digest.update(file.get_tensor(name).tobytes())
    return digest.hexdigest()


def test_recorded_is_a_policy_like_any_other(digits_round, tmp_path, digits):
    """`train --policy recorded` and `replay` are the same thing."""
    made = curate.train(
        digits,
        policy="recorded",
        options={"manifest": str(digits_round.manifest)},
        recipe=QUICK,
        output=tmp_path / "run",
    )
    replayed = curate.replay(digits_round.manifest, recipe=QUICK, trials=1)
    assert sha_of_saved(tmp_path / "run" / "model.safetensors") == replayed.runs[0].trials[0].weights_sha256
    assert made.manifest.selected(0).indices.tolist() == [
        *curate.open_manifest(digits_round.manifest).selected(0).indices
    ]


def test_a_reordered_and_extended_copy_replays_to_the_same_weights(digits_round, digits):
    copy = digits.take(np.r_[np.random.default_rng(1).permutation(1443), 4, 4])
    test = curate.open_dataset("digits", curate.Options(split="test"))
    one, other = (
        curate.replay(digits_round.manifest, data, test=test, recipe=QUICK, trials=1).runs[0].trials[0]
        for data in (digits, copy)
    )
    assert one.weights_sha256 == other.weights_sha256
    assert one.accuracy == other.accuracy


def test_controls_train_on_the_same_seeds_and_budgets(digits_round):
    found = curate.replay(digits_round.manifest, recipe={"n_epochs": 1}, trials=2, against=["full", "random"])
    assert [run.name for run in found.runs] == ["manifest", "full", "random"]
    for run in found.runs:
        assert [trial.seed for trial in run.trials] == [0, 1]
    seen = [run.trials[0].samples_seen for run in found.runs]
    assert seen == [433, 1443, 433]
    plain = json.loads(json.dumps(found.as_dict()))
    ours, full = (np.array([t["accuracy"] for t in plain["runs"][i]["trials"]]) for i in (0, 1))
    assert plain["runs"][1]["manifest_minus_this"]["mean"] == pytest.approx((ours - full).mean())
    assert len({trial.weights_sha256 for run in found.runs for trial in run.trials}) == 6


@pytest.mark.slow
def test_side_by_side_gives_the_same_runs_as_one_after_another(digits_round, set_threads):
    set_threads(1)
    one = curate.replay(digits_round.manifest, recipe=QUICK, trials=2, against=["random"])
    two = curate.replay(digits_round.manifest, recipe=QUICK, trials=2, against=["random"], jobs=2)
    for run, other in zip(one.runs, two.runs, strict=True):
        assert [t.weights_sha256 for t in run.trials] == [t.weights_sha256 for t in other.trials]


def test_side_by_side_needs_images_in_memory(tmp_path):
    from PIL import Image

    for number in range(30):
        folder = tmp_path / "photos" / ("cat" if number % 2 else "dog")
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((8, 8, 3), number * 8, np.uint8)).save(folder / f"{number}.png")
    opening = curate.Options(split="all", stream=True)
    photos = str(tmp_path / "photos")
    made = curate.train(photos, recipe=QUICK, opening=opening, test=photos, output=tmp_path / "run")
    with pytest.raises(CurateError, match=r"jobs=2 needs the images in memory: leave out --stream"):
        curate.replay(made.manifest, opening=curate.Options(stream=True), jobs=2)
    again = curate.replay(made.manifest, trials=1)  # resident, on the recorded test set: the same bits
    assert again.runs[0].trials[0].accuracy == made.epochs[-1].test_accuracy
    assert again.runs[0].trials[0].weights_sha256 == sha_of_saved(tmp_path / "run" / "model.safetensors")


def test_random_control_matches_a_manifest_epoch_by_epoch():
    def view(epoch, memory):
        uids = np.arange(100, dtype=np.uint64)
        return View(epoch, 9, np.arange(100), uids, 100, rng(0, "policy", epoch), lambda: None, memory)

    dynamic = [MatchedRandom([3, 5]).plan(view(epoch, {})).selected.indices for epoch in (0, 1)]
    assert [len(drawn) for drawn in dynamic] == [3, 5]
    static = MatchedRandom([4])
    first = static.plan(view(0, {}))
    assert len(first.selected.indices) == 4
    assert (static.plan(view(1, first.memory)).selected.indices == first.selected.indices).all()


def test_a_dynamic_manifest_runs_out_of_epochs(tmp_path, digits):
    from curate.artifacts.header import make_header
    from curate.manifests.manifest import Selected, write_manifest

    header = make_header("manifest", "train", {}, seed=0, dataset=digits.header())
    samples = {"index": np.arange(1443), "uid": digits.uids, "label": digits.labels}
    epochs = [Selected(np.arange(40)), Selected(np.arange(40, 90))]
    manifest = write_manifest(tmp_path / "m", header, epochs, samples)
    found = curate.replay(manifest, recipe={"n_epochs": 2}, trials=1)
    assert found.runs[0].trials[0].samples_seen == 90
    with pytest.raises(CurateError, match=r"records 2 epochs, this run has 3: use --epochs 2 or fewer"):
        curate.replay(manifest, recipe={"n_epochs": 3}, trials=1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"trials": 0}, "trials=0 is too few"),
        ({"jobs": 0}, "jobs=0 is too few"),
        ({"against": ["ful"]}, r"there is no control 'ful': did you mean full\?"),
        ({"model": "resnet"}, "there is no model called 'resnet': did you mean resnet"),
        ({"device": "gpu7"}, "device=gpu7 is unknown"),
    ],
)
def test_wrong_options_are_refused_before_training(digits_round, options, message):
    with pytest.raises(CurateError, match=message):
        curate.replay(digits_round.manifest, **options)


def test_replay_without_a_test_set_says_how_to_name_one(digits_round, tmp_path):
    everything = curate.Options(split="all")
    embedding = curate.embed("digits", dim=4, opening=everything, output=tmp_path / "e.safetensors")
    table = curate.cluster(embedding, 5, output=tmp_path / "c.parquet")
    manifest = curate.select(table, keep=50, output=tmp_path / "m")
    with pytest.raises(CurateError, match="digits has no test set to replay against: name one with --test"):
        curate.replay(manifest)
    found = curate.replay(manifest, test="digits", recipe={"n_epochs": 1}, trials=1)
    assert found.runs[0].trials[0].samples_seen == 50


def test_options_go_to_the_model_or_the_policy_by_name(digits, tmp_path):
    with pytest.raises(CurateError, match=r"neither model basic-cnn nor policy full has an option 'widht'"):
        curate.train(digits, options={"widht": 3}, output=tmp_path / "run")
    made = curate.train(digits, options={"width": "4"}, recipe={"n_epochs": 1}, output=tmp_path / "run")
    assert made.manifest.header["options"]["model_options"] == {"width": 4}


def test_unlabelled_data_cannot_be_trained_on(tmp_path):
    np.savez(tmp_path / "x.npz", x=np.random.default_rng(0).integers(0, 256, (30, 6, 6), dtype=np.uint8))
    with pytest.raises(CurateError, match=r"x.npz has no labels and training needs them"):
        curate.train(str(tmp_path / "x.npz"), output=tmp_path / "run")


def test_statistics_equal_scipy():
    ours, theirs = [0.9, 0.92, 0.95, 0.91], [0.88, 0.93, 0.9, 0.9]
    found = paired_difference(ours, theirs)
    interval = stats.ttest_rel(ours, theirs).confidence_interval(0.95)
    assert found.mean == pytest.approx(np.mean(ours) - np.mean(theirs))
    assert (found.low, found.high) == (pytest.approx(interval.low), pytest.approx(interval.high))
    assert spread(ours).std == pytest.approx(np.std(ours, ddof=1))
    assert spread([1.0]).std is None
    assert paired_difference([1.0], [0.5]).low is None
