"""stratified: what is least trusted is cut, and every level of the score is taken from."""

import numpy as np
from helpers.ordering import order_of
from helpers.tables import score_table
from hypothesis import given
from hypothesis import strategies as st

from curate import finder
from curate.rng import rng
from curate.selection.strategies.stratified import equal_width

pytest_plugins = ["helpers.ordering"]


def test_stratified_cuts_what_is_least_trusted_and_takes_from_every_level(hand):
    order = order_of("stratified", hand, bins=2, cut=1 / 3)
    assert order[4:] == [5, 0]  # of aum 1 and -1, the more trusted first
    # Of 0.125, 0.5, 0.5 and 0.3125, the lower half is 1, the upper 2, 3 and 4, which lies on the edge.
    assert 1 in order[:2]
    assert set(order[:4]) == {1, 2, 3, 4}


def test_stratified_trusts_by_its_own_column_where_there_is_no_aum(tmp_path):
    table = score_table(tmp_path / "s", "high", el2n=[0.0, 1.0, 2.0, 3.0])
    assert order_of("stratified", table, cut=0.5)[2:] == [2, 3]
    assert order_of("stratified", table, cut=0.5, cut_column="el2n")[2:] == [2, 3]


def test_stratified_draws_by_seed(tmp_path):
    table = score_table(tmp_path / "s", "high", el2n=[0.0] * 30)
    strategy = finder.make("strategies", "stratified")
    assert (strategy(table, rng(0, "s")) == strategy(table, rng(0, "s"))).all()
    assert (strategy(table, rng(0, "s")) != strategy(table, rng(1, "s"))).any()


@given(st.lists(st.integers(-8, 8), min_size=1, max_size=40), st.integers(1, 9))
def test_bins_are_of_equal_width(values, n_bins):
    values = np.array(values, float)
    bins = equal_width(values, n_bins)
    low, width = values.min(), np.ptp(values)
    for value, result in zip(values, bins, strict=True):
        edges = [low + width * number / n_bins for number in range(n_bins + 1)]
        inside = [b for b in range(n_bins) if edges[b] - 1e-9 <= value <= edges[b + 1] + 1e-9]
        assert result in inside if width else result == 0
