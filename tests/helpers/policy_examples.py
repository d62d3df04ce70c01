"""Six samples over three checkpoints, worked by hand from the definitions in the design, for policies.

Losses, moving averages m, variances v and selections are written down as numbers; none is computed by
the code under test.
"""

import numpy as np
import pytest

from curate import finder
from curate.artifacts.header import DatasetReference, make_header
from curate.manifests.manifest import Selected, write_manifest
from curate.rng import rng
from curate.selection.policy import View
from helpers.tables import clusters_table

NAN = float("nan")


UIDS = [60, 10, 50, 20, 40, 30]


# Six samples, three checkpoints, alpha = 0.8, k = 3.
LOSSES = [
    [1.0, 2.0, 3.0, 0.5, 2.5, 1.5],
    [2.0, 0.0, 1.0, 3.0, 2.5, 0.5],
    [1.5, 3.5, 0.5, 0.0, 0.9, 1.0],
]


# m starts as the losses; then m <- 0.8 u + 0.2 m:
#   epoch 1: 1.6+0.2, 0+0.4, 0.8+0.6, 2.4+0.1, 2.0+0.5, 0.4+0.3
#   epoch 2: 1.2+0.36, 2.8+0.08, 0.4+0.28, 0+0.5, 0.72+0.5, 0.8+0.14
MEANS = [
    [1.0, 2.0, 3.0, 0.5, 2.5, 1.5],
    [1.8, 0.4, 1.4, 2.5, 2.5, 0.7],
    [1.56, 2.88, 0.68, 0.5, 1.22, 0.94],
]


# v starts as 0; then v <- 0.2 v + 0.8 (u - m_before)^2:
#   epoch 1: u - m = 1, -2, -2, 2.5, 0, -1; squares 1, 4, 4, 6.25, 0, 1
#   epoch 2: u - m = -0.3, 3.1, -0.9, -2.5, -1.6, 0.3; squares 0.09, 9.61, 0.81, 6.25, 2.56, 0.09
#            0.16+0.072, 0.64+7.688, 0.64+0.648, 1.0+5.0, 0+2.048, 0.16+0.072
VARIANCES = [
    [0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
    [0.8, 3.2, 3.2, 5.0, 0.0, 0.8],
    [0.232, 8.328, 1.288, 6.0, 2.048, 0.232],
]


SCORES = [0.9, 0.1, 0.5, 0.7, 0.3, 0.2]


SCALED = [1.0, 0.0, 0.5, 0.75, 0.25, 0.125]  # (s - 0.1) / 0.8


def ask(policy, losses=None, *, k=3, uids=None, n_checkpoints=3, seed=0, available=None, allowed=0):
    """The plans of a policy at checkpoints one epoch apart; it may look at losses only where given some."""
    uids = np.array(UIDS if uids is None else uids, np.uint64)
    available = np.arange(len(uids)) if available is None else np.array(available)
    n_checkpoints = len(losses) if losses else n_checkpoints
    memory, seen = {}, 0
    for epoch in range(n_checkpoints):

        def look(epoch=epoch):
            assert losses, "this policy never looks at a loss"
            return np.array(losses[epoch], np.float32)

        chance = rng(seed, "policy", epoch)
        view = View(epoch, n_checkpoints, available, uids, k, chance, look, memory, seen, allowed)
        plan = policy.plan(view)
        memory, seen = plan.memory, seen + len(plan.selected.indices)
        yield plan


def selections(plans):
    return [plan.selected.indices.tolist() for plan in plans]


def make(name, **options):
    return finder.make("policies", name, options)


def assert_remembers(plans, name, expected):
    for plan, values in zip(plans, expected, strict=True):
        np.testing.assert_allclose(plan.memory[name], values, rtol=1e-5, atol=1e-6)


@pytest.fixture
def scores(tmp_path):
    """The scores above as a table of the six samples; high is hard."""
    path = tmp_path / "scores.parquet"
    clusters_table(path, [0] * 6, SCORES, uid=UIDS, seal=True)
    return path


def session_folder(path, selection, *, uids=UIDS, group=None):
    """A manifest of a training session: a list of indices per epoch, and the group of each sample."""
    n = len(uids)
    dataset = DatasetReference("hand", "all", n, [], "0" * 64)
    header = make_header("manifest", "train", {"policy": "ucb"}, seed=0, dataset=dataset)
    samples = {"index": np.arange(n), "uid": np.array(uids, np.uint64)}
    if group is not None:
        samples["group"] = np.array(group)
    chosen = [one if isinstance(one, Selected) else Selected(np.array(one)) for one in selection]
    return write_manifest(path, header, chosen, samples).path
