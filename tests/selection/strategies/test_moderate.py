"""moderate: each class by itself, or the middle of all; one class does not take the budget of another."""

import numpy as np
import pytest
from helpers.ordering import order_of
from helpers.tables import score_table

from curate.errors import CurateError


def test_moderate_needs_labels(tmp_path):
    table = score_table(tmp_path / "s", "high", el2n=[1.0, 2.0])
    with pytest.raises(CurateError, match="has no labels, and moderate needs classes"):
        order_of("moderate", table)


def test_the_window_of_all_needs_no_labels(tmp_path):
    table = score_table(tmp_path / "s", "high", el2n=[1.0, 9.0, 2.0, 3.0, 4.0])
    assert order_of("moderate", table, window="all") == [3, 2, 4, 0, 1]


def test_a_class_of_little_spread_does_not_take_the_budget(tmp_path):
    """One class has spread 1, the other 100: half of all is half of each, the middle half."""
    chance = np.random.default_rng(0)
    value = np.r_[chance.normal(0, 1, 100), chance.normal(0, 100, 100)]
    table = score_table(tmp_path / "s", "high", el2n=value.tolist(), label=[0] * 100 + [1] * 100)
    kept = np.array(order_of("moderate", table)[:100])
    assert (kept < 100).sum() == 50
    for label in (0, 1):
        own = np.arange(100) + 100 * label
        away = np.abs(value[own] - np.median(value[own]))
        assert sorted(kept[kept // 100 == label]) == sorted(own[np.argsort(away)[:50]])


def test_exhausted_classes_leave_the_rest_to_the_others(tmp_path):
    table = score_table(tmp_path / "s", "high", el2n=[1, 2, 3, 4, 5, 60], label=[0, 0, 0, 0, 0, 1])
    assert order_of("moderate", table) == [2, 5, 1, 3, 0, 4]


def test_a_window_that_is_none_is_refused():
    with pytest.raises(CurateError, match="window=some does not fit strategy moderate"):
        order_of("moderate", None, window="some")
