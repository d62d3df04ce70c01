"""The control of a replay: as many samples as a manifest selects, drawn at random."""

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


def test_what_is_drawn_is_there_and_no_more_than_there_is():
    available = np.array([2, 3, 5, 7, 11])

    def drawn(size, epoch):
        view = View(
            epoch, 9, available, np.arange(100, dtype=np.uint64), 5, rng(0, "policy", epoch), lambda: None, {}
        )
        return MatchedRandom([size] * 9).plan(view).selected.indices.tolist()

    draws = [drawn(3, epoch) for epoch in range(9)]
    assert all(len(set(draw)) == 3 and set(draw) <= set(available.tolist()) for draw in draws)
    assert len({tuple(draw) for draw in draws}) > 1
    assert sorted(drawn(90, 0)) == available.tolist()
