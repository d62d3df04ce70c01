"""What strategies share: orders by hand, ties by uid, columns and options that are refused, exact budgets."""

import dataclasses

import numpy as np
import pytest
from helpers.ordering import order_of
from helpers.tables import score_table
from hypothesis import given, settings
from hypothesis import strategies as st

import curate
from curate.errors import CurateError
from curate.selection.strategy import by_value

pytest_plugins = ["helpers.ordering"]

BY_SCORE = ["top", "bottom", "window", "stratified", "moderate"]


def test_orders_worked_by_hand(hand):
    assert order_of("top", hand) == [0, 5, 3, 2, 4, 1]
    assert order_of("bottom", hand) == [1, 4, 3, 2, 5, 0]
    assert order_of("top", hand, column="aum") == [0, 5, 2, 3, 4, 1]
    # A sixth of six samples is one: the hardest goes to the end.
    assert order_of("window", hand, skip=1 / 6) == [5, 3, 2, 4, 1, 0]
    # Medians are 0.5 in both classes, which rank 2, 1, 0 (a tie at 0.375 goes by uid) and 3, 4, 5; rank by
    # rank, each by uid.
    assert order_of("moderate", hand) == [3, 2, 4, 1, 5, 0]
    # Sorted by score and uid: 1, 4, 3, 2, 5, 0; from the middle outwards, two at a time, by uid.
    assert order_of("moderate", hand, window="all") == [3, 2, 5, 4, 1, 0]


@settings(deadline=None)
@given(st.data())
def test_by_value_is_a_sort_by_value_uid_and_index(data):
    n = data.draw(st.integers(1, 40))
    values = np.array(data.draw(st.lists(st.integers(0, 5), min_size=n, max_size=n)), float)
    uids = np.array(data.draw(st.lists(st.integers(0, 5), min_size=n, max_size=n)), np.uint64)
    table = score_table("nowhere", "high", value=values.tolist(), uid=uids.tolist())
    expected = sorted(range(n), key=lambda index: (values[index], uids[index], index))
    assert by_value(values, table).tolist() == expected


@pytest.mark.parametrize("name", BY_SCORE)
def test_scores_that_are_no_numbers_are_refused(name, tmp_path):
    table = score_table(tmp_path / "s", "high", el2n=[1.0, float("nan"), 2.0], label=[0, 0, 1])
    with pytest.raises(CurateError, match="el2n of sample 1 is nan: score it anew"):
        order_of(name, table)


@pytest.mark.parametrize("name", BY_SCORE)
def test_a_column_that_is_not_there_is_answered_with_the_nearest(name, hand):
    with pytest.raises(CurateError, match=r"has no column 'el3n': did you mean el2n\?"):
        order_of(name, hand, column="el3n")
    with pytest.raises(CurateError, match="column 'label' does not rank: use one of el2n, aum"):
        order_of(name, hand, column="label")


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("window", {"skip": 1.5}, "skip=1.5 is not a fraction"),
        ("stratified", {"cut": -0.1}, "cut=-0.1 is not a fraction"),
        ("stratified", {"bins": 0}, "bins=0 is too few"),
        ("stratified", {"cut": 1.0}, "cut=1.0 leaves none of 6 samples: cut less"),
    ],
)
def test_options_out_of_range(name, options, message, hand):
    with pytest.raises(CurateError, match=message):
        order_of(name, hand, **options)


@pytest.mark.parametrize("name", BY_SCORE)
@pytest.mark.parametrize("keep", [1, 5, 7])
def test_every_strategy_has_exact_budgets_and_a_class_floor(name, keep, tmp_path):
    chance = np.random.default_rng(1)
    columns = {"el2n": chance.random(20).round(1).tolist(), "label": [0] * 10 + [1] * 10}
    table = score_table(tmp_path / "s", "high", **columns)
    table = dataclasses.replace(table, header=dataclasses.replace(table.header, sha256="0" * 64))
    keep = keep / 20
    made = curate.select(table, name, keep=keep, class_floor=1.0, output=tmp_path / "m")
    kept = made.selected(0).indices
    assert len(kept) == round(keep * 20)
    assert min((kept < 10).sum(), (kept >= 10).sum()) >= int(keep * 10)
