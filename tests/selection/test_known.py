"""What a session leaves on its samples: counts, groups and how sure they are."""

import numpy as np
import pytest

import curate
from curate.manifests.manifest import Selected
from curate.selection.groups import FEWEST_CHECKPOINTS, GROUPS
from curate.selection.known import group_samples


def test_samples_carry_counts_groups_and_posteriors(digits_session):
    manifest = curate.open_manifest(digits_session)
    samples = manifest.samples
    asked = manifest.header.summary["checkpoints"]
    by_hand = np.zeros(manifest.n, np.int64)
    for epoch in asked:
        by_hand[manifest.selected(epoch).indices] += 1
    assert (samples["n_checkpoints_selected"] == by_hand).all()
    posterior = np.stack([samples[f"p_{name}"] for name in GROUPS], axis=1)
    np.testing.assert_allclose(posterior.sum(axis=1), 1, atol=1e-5)
    of = samples["group"]
    best = posterior.max(axis=1)
    assert all(posterior[i, GROUPS.index(of[i])] == best[i] for i in range(manifest.n))
    groups = manifest.header.summary["groups"]
    assert sum(group["weight"] for group in groups.values()) == pytest.approx(1, abs=1e-5)
    selected = manifest.header.summary["selected"]
    assert selected["none"] == (by_hand == 0).sum()
    assert selected["all"] == (by_hand == len(asked)).sum()
    assert sum(selected.values()) == manifest.n
    assert manifest.header.summary["random_explains_groups"] is False


def test_groups_are_fitted_from_eight_decisions_on():
    """Epochs in which nobody was asked do not count, and counts are there in any case."""
    assert FEWEST_CHECKPOINTS == 8
    for n_asked in (7, 8):
        asked = [False, *[True] * n_asked]
        selection = [
            Selected(np.array([3, 4])),
            *[Selected(np.array([0, epoch % 2 + 1])) for epoch in range(n_asked)],
        ]
        summary, columns = group_samples(selection, asked, 5)
        assert columns["n_checkpoints_selected"].tolist() == [n_asked, (n_asked + 1) // 2, n_asked // 2, 0, 0]
        assert summary["selected"] == {"none": 2, "between": 2, "all": 1}
        assert ("groups" in summary) == ("group" in columns) == (n_asked == 8)


def test_the_margin_of_the_guard_is_not_called_by_the_name_of_a_score(tmp_path):
    few = curate.open_dataset("digits").take(np.arange(60))
    made = curate.train(
        few, policy="random", keep=0.5, trust=0.9, observe="training", test=few,
        hyperparameters={"n_epochs": 3}, options={"width": 1}, output=tmp_path / "run",
    )  # fmt: skip
    assert {"guard_margin", "trusted"} <= set(made.manifest.samples)
    assert "aum" not in made.manifest.samples
