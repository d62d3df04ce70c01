"""What a session leaves on its samples: counts, groups and how sure they are."""

import numpy as np
import pytest

import curate
from curate.selection.groups import GROUPS


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
