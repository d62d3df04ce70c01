"""bottom: the easy side first, whatever side that is, against a plain sort."""

from helpers.ordering import order_of
from helpers.tables import score_table
from hypothesis import given, settings
from hypothesis import strategies as st


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 9)), min_size=1, max_size=30),
    st.sampled_from(["high", "low"]),
)
def test_bottom_is_a_sort_from_easy_to_hard_with_ties_by_uid_and_index(samples, hard_is):
    values, uids = zip(*samples, strict=True)
    table = score_table("nowhere", hard_is, el2n=list(values), uid=list(uids))
    easy_first = 1 if hard_is == "high" else -1
    expected = sorted(range(len(values)), key=lambda index: (easy_first * values[index], uids[index], index))
    assert order_of("bottom", table) == expected


def test_bottom_takes_the_first_column_unless_told_another():
    table = score_table("nowhere", "high", el2n=[2.0, 1.0, 3.0], aum=[7.0, 8.0, 9.0])  # aum is hard where low
    assert order_of("bottom", table) == [1, 0, 2]
    assert order_of("bottom", table, column="aum") == [2, 1, 0]
