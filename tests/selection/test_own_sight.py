"""Losses that a function gives: asked for by share, put together over ranks, margins noted beside them."""

import numpy as np
from helpers.own_loops import Threads, together

from curate.selection.ledger import Ledger
from curate.selection.own_sight import OwnSight
from curate.world import ALONE


def test_every_rank_is_asked_for_its_share_and_all_know_all():
    asked = {}

    def work(rank):
        def losses(indices):
            asked[rank.rank] = indices.tolist()
            return indices * 10.0

        sight = OwnSight(Ledger(6, in_full=False), losses, np.array([0, 1, 2, 4, 5]), 6, rank, False)
        return sight.full_pass(0)

    for found in together(Threads.of(2), work):
        np.testing.assert_array_equal(found, np.array([0, 10, 20, np.nan, 40, 50], np.float32))
    assert asked == {0: [0, 2, 5], 1: [1, 4]}


def test_margins_count_from_the_first_epoch_on():
    ledger = Ledger(3, in_full=False)
    sight = OwnSight(ledger, lambda m: (m + 1.0, m - 1.0), np.arange(3), 3, ALONE, True)
    sight.full_pass(0)
    assert np.isnan(sight.mean_margins()).all()
    sight.full_pass(1)
    assert sight.mean_margins().tolist() == [-1, 0, 1]


def test_a_loss_that_is_no_number_is_not_taken_for_one_that_was_not_looked_at():
    sight = OwnSight(Ledger(2, in_full=False), lambda m: np.full(1, np.nan), np.array([1]), 2, ALONE, False)
    np.testing.assert_array_equal(sight.full_pass(0), np.array([np.nan, np.inf], np.float32))
