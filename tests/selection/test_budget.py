"""Budgets: how many samples are kept, and the class floor holds at every one of them."""

from collections import Counter
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.errors import CurateError
from curate.selection.budget import count_to_keep, first_with_class_floor, in_shares, likely_slip


@pytest.mark.parametrize(
    ("keep", "n", "count"),
    [
        ("0.3", 10, 3),
        (0.3, 1797, 539),
        ("0.5", 3, 2),
        ("1", 7, 7),
        (1, 7, 7),
        (1.0, 7, 7),
        ("1.0", 7, 7),
        ("30000", 60_000, 30_000),
        (7, 7, 7),
        ("0.0001", 10, 1),
        ("1/3", 9, 3),
        ("0.29", 100, 29),
        ("30%", 10, 3),
        (" 0.5 % ", 1000, 5),
        ("100%", 7, 7),
    ],
)
def test_keep_is_a_fraction_or_a_count(keep, n, count):
    assert count_to_keep(keep, n) == count


@pytest.mark.parametrize(
    ("keep", "message"),
    [
        ("1.3", r"keep=1.3 is not a fraction: use 0 < keep <= 1"),
        ("0", r"keep=0 is not a fraction"),
        ("-0.1", r"keep=-0.1 is not a fraction"),
        ("-5", r"keep=-5 is not a fraction"),
        ("8", r"keep=8 is more than the 7 samples there are: use 7 or fewer"),
        ("many", r"keep=many is not a number"),
        ("nan", r"keep=nan is not a number"),
        ("2.0", r"keep=2.0 is not a fraction"),
    ],
)
def test_other_values_of_keep_are_refused(keep, message):
    with pytest.raises(CurateError, match=message):
        count_to_keep(keep, 7)


def in_order_of_deadlines(order, labels, share):
    """The whole order, one place after another, by Lawler's rule: slow, and as it is defined."""
    n, ratio = len(order), Fraction(share).limit_denominator(10**6)
    sizes, seen, due = Counter(labels.tolist()), Counter(), []
    for index in order.tolist():
        label = int(labels[index])
        seen[label] += 1
        last = -(-seen[label] * n * ratio.denominator // (ratio.numerator * sizes[label])) if ratio else n
        due.append(min(n, last))
    waiting, result = set(range(n)), [0] * n
    for place in range(n, 0, -1):
        worst = max(rank for rank in waiting if due[rank] >= place)
        waiting.remove(worst)
        result[place - 1] = int(order[worst])
    return result


def test_class_floor_by_hand():
    """Two classes of 4 each, class 1 ranked last; at share 0.5 every fourth place must go to it."""
    order = np.arange(8)
    labels = np.array([0, 0, 0, 0, 1, 1, 1, 1])
    for share, expected in (
        (0.5, [0, 1, 2, 4, 3, 5, 6, 7]),
        (1.0, [0, 4, 1, 5, 2, 6, 3, 7]),
        (0.0, [0, 1, 2, 3, 4, 5, 6, 7]),
    ):
        assert in_order_of_deadlines(order, labels, share) == expected
        for k in range(1, 9):
            assert first_with_class_floor(order, labels, share, k).tolist() == sorted(expected[:k])


labelled_orders = st.integers(1, 40).flatmap(
    lambda n: st.tuples(
        st.permutations(range(n)), st.lists(st.integers(0, 4), min_size=n, max_size=n), st.floats(0, 1)
    )
)


@given(labelled_orders)
@settings(max_examples=250, deadline=None)
def test_class_floor_keeps_what_its_deadlines_put_first(case):
    order, labels, share = np.array(case[0]), np.array(case[1]), round(case[2], 3)
    expected = in_order_of_deadlines(order, labels, share)
    for k in range(1, len(order) + 1):
        assert first_with_class_floor(order, labels, share, k).tolist() == sorted(expected[:k])


@given(labelled_orders)
@settings(max_examples=150, deadline=None)
def test_class_floor_holds_for_every_budget_and_a_smaller_one_is_part_of_a_larger(case):
    order, labels, share = np.array(case[0]), np.array(case[1]), round(case[2], 3)
    n, before = len(order), set()
    for k in range(1, n + 1):
        kept = first_with_class_floor(order, labels, share, k)
        assert before < set(kept.tolist())
        before = set(kept.tolist())
        for label in set(labels.tolist()):
            least = int(share * 1000 + 0.5) * k * int((labels == label).sum()) // (1000 * n)
            assert (labels[kept] == label).sum() >= least


@pytest.mark.parametrize("share", [0.5, 0.9, 0.123456, 1.0])
def test_class_floor_of_many_classes_that_are_due_at_once(share):
    """Of 50 classes of one size a sample each is due at the same place; another 50 have their own."""
    chance = np.random.default_rng(3)
    labels = chance.permutation(np.repeat(np.arange(100), [12] * 50 + list(range(1, 51))))
    order = np.argsort(labels // 10 + chance.random(len(labels)))  # classes far behind one another
    expected = in_order_of_deadlines(order, labels, share)
    for k in (1, 7, 100, 333, 900, len(order) - 1, len(order)):
        assert first_with_class_floor(order, labels, share, k).tolist() == sorted(expected[:k])


def test_class_floor_outside_0_to_1_is_refused():
    with pytest.raises(CurateError, match=r"class-floor=1.2 is not a share"):
        first_with_class_floor(np.arange(2), np.array([0, 1]), 1.2, 1)


@pytest.mark.parametrize(
    ("keep", "share"),
    [
        ("30%", "0.3"),
        ("20%:60%", "0.2:0.6"),
        ("12.5%", "0.125"),
        (".5%", "0.005"),
        (0.3, "0.3"),
        ("600", "600"),
    ],
)
def test_a_percentage_is_the_share_that_it_is(keep, share):
    assert in_shares(keep) == share


@pytest.mark.parametrize(
    ("keep", "n", "n_classes", "text"),
    [
        ("30", 60_000, 10, "keep=30 is a count, 30 of 60,000 samples (0.05%): for a share say 30% or 0.3"),
        (
            "15",
            1000,
            10,
            "keep=15 is a count, 15 of 1,000 samples (1.50%), fewer than two for each of 10 classes: "
            "for a share say 15% or 0.15",
        ),
        (
            "0.3:30",
            60_000,
            10,
            "keep=30 is a count, 30 of 60,000 samples (0.05%): for a share say 30% or 0.3",
        ),
        ("500", 60_000, 10, "keep=500 is a count, 500 of 60,000 samples (0.83%)"),
        ("600", 60_000, 10, None),
        ("20", 1000, 10, "keep=20 is a count, 20 of 1,000 samples (2.00%): for a share say 20% or 0.2"),
        ("50", 1000, 10, None),
        ("101", 9000, 10, None),
        ("0.0001", 60_000, 10, None),
        ("1", 60_000, 10, None),
    ],
)
def test_a_count_that_may_be_meant_as_a_share_is_asked_about(keep, n, n_classes, text):
    assert likely_slip(keep, n, n_classes) == text


@pytest.mark.parametrize("keep", ["300%", "0%", "20%:101%", "100.5%"])
def test_a_percentage_beyond_everything_is_no_share(keep):
    with pytest.raises(CurateError, match=f"keep={keep} is no share: use more than 0% and at most 100%"):
        in_shares(keep)
