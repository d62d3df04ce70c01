"""Trials: controls that are matched to a manifest."""

import numpy as np

from curate.rng import rng
from curate.selection.controls import MatchedRandom
from curate.selection.policy import View


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
