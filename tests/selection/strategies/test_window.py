"""window: the very hardest come last, the easiest of them first, by hand and against a plain sort."""

import pytest
from helpers.ordering import order_of
from helpers.tables import score_table
from hypothesis import given, settings
from hypothesis import strategies as st

pytest_plugins = ["helpers.ordering"]


@pytest.mark.parametrize(
    ("skip", "order"),
    [
        ("0", [0, 5, 3, 2, 4, 1]),
        ("0.5", [2, 4, 1, 3, 5, 0]),  # of the two at 0.5, sample 3 has the smaller uid
        ("1", [1, 4, 3, 2, 5, 0]),
    ],
)
def test_windows_worked_by_hand(hand, skip, order):
    assert order_of("window", hand, skip=skip) == order


def test_a_tenth_is_skipped_unless_told():
    table = score_table("nowhere", "low", el2n=[float(value) for value in range(20)])
    assert order_of("window", table) == [*range(2, 20), 1, 0]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 9)), min_size=1, max_size=30), st.integers(0, 4))
def test_what_is_skipped_are_the_hardest_and_they_come_last(samples, quarters):
    values, uids = zip(*samples, strict=True)
    n = len(values)
    table = score_table("nowhere", "high", el2n=list(values), uid=list(uids))
    hardest_first = sorted(range(n), key=lambda index: (-values[index], uids[index], index))
    n_skipped = (quarters * n + 2) // 4  # to the nearest, halves up
    skipped = sorted(hardest_first[:n_skipped], key=lambda index: (values[index], uids[index], index))
    assert order_of("window", table, skip=quarters / 4) == hardest_first[n_skipped:] + skipped
