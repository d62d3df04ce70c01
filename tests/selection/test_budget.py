"""Budgets are exact, prefixes nest, the class floor holds at every budget."""

import numpy as np
import pytest
from helpers.tables import clusters_table
from hypothesis import given, settings
from hypothesis import strategies as st

from curate import finder
from curate.errors import CurateError
from curate.rng import rng
from curate.selection.budget import count_to_keep, with_class_floor


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


def test_class_floor_by_hand():
    """Two classes of 4 each, class 1 ranked last; at share 0.5 every fourth place must go to it."""
    order = np.arange(8)
    labels = np.array([0, 0, 0, 0, 1, 1, 1, 1])
    assert with_class_floor(order, labels, 0.5).tolist() == [0, 1, 2, 4, 3, 5, 6, 7]
    assert with_class_floor(order, labels, 1.0).tolist() == [0, 4, 1, 5, 2, 6, 3, 7]
    assert with_class_floor(order, labels, 0.0).tolist() == list(range(8))


labelled_orders = st.integers(1, 40).flatmap(
    lambda n: st.tuples(
        st.permutations(range(n)), st.lists(st.integers(0, 4), min_size=n, max_size=n), st.floats(0, 1)
    )
)


@given(labelled_orders)
@settings(max_examples=150, deadline=None)
def test_class_floor_holds_in_every_prefix(case):
    order, labels, share = np.array(case[0]), np.array(case[1]), round(case[2], 3)
    floored = with_class_floor(order, labels, share)
    n = len(order)
    assert sorted(floored.tolist()) == list(range(n))
    for k in range(1, n + 1):
        for label in set(labels.tolist()):
            least = int(share * 1000 + 0.5) * k * int((labels == label).sum()) // (1000 * n)
            assert (labels[floored[:k]] == label).sum() >= least


@given(labelled_orders)
@settings(max_examples=60, deadline=None)
def test_class_floor_keeps_the_order_inside_each_class(case):
    order, labels = np.array(case[0]), np.array(case[1])
    floored = with_class_floor(order, labels, 0.7)
    for label in set(labels.tolist()):
        assert [i for i in floored if labels[i] == label] == [i for i in order if labels[i] == label]


def test_class_floor_outside_0_to_1_is_refused():
    with pytest.raises(CurateError, match=r"class-floor=1.2 is not a share"):
        with_class_floor(np.arange(2), np.array([0, 1]), 1.2)


tables = st.integers(1, 60).flatmap(
    lambda n: st.tuples(
        st.lists(st.integers(0, 5), min_size=n, max_size=n),
        st.lists(st.sampled_from([0.0, 0.5, 1.0, 2.0]), min_size=n, max_size=n),
        st.lists(st.integers(0, 30), min_size=n, max_size=n),
    )
)


def naive_centroid_order(cluster, key, uid):
    """Round after round, the next sample of every cluster; inside a round by uid."""
    queues = {
        c: sorted((i for i in range(len(cluster)) if cluster[i] == c), key=lambda i: (key[i], uid[i], i))
        for c in set(cluster)
    }
    order = []
    while any(queues.values()):
        taken = [queue.pop(0) for queue in queues.values() if queue]
        order += sorted(taken, key=lambda i: (uid[i], i))
    return order


@given(tables)
@settings(max_examples=120, deadline=None)
def test_closest_and_furthest_equal_the_naive_rounds(tmp_path_factory, case):
    cluster, distance, uid = case
    table = clusters_table(tmp_path_factory.getbasetemp() / "none", cluster, distance, uid=uid)
    for name, sign in (("closest", 1), ("furthest", -1)):
        order = finder.make("strategies", name)(table, rng(0, "s"))
        assert order.tolist() == naive_centroid_order(cluster, [sign * d for d in distance], uid)


@given(tables, st.integers(1, 60))
@settings(max_examples=80, deadline=None)
def test_equal_quotas_spill_over_where_a_cluster_is_exhausted(tmp_path_factory, case, k):
    cluster, distance, uid = case
    table = clusters_table(tmp_path_factory.getbasetemp() / "none", cluster, distance, uid=uid)
    chosen = finder.make("strategies", "furthest")(table, rng(0, "s"))[:k]
    assert len(chosen) == min(k, len(cluster))
    sizes = np.bincount(cluster, minlength=6)
    taken = np.bincount(np.array(cluster)[chosen], minlength=6)
    open_ = taken[(taken < sizes)]
    if open_.size:
        assert taken.max() - open_.min() <= 1


def test_hybrid_takes_both_ends_in_turn(tmp_path):
    table = clusters_table(tmp_path / "t", [0] * 5, [0.1, 0.2, 0.3, 0.4, 0.5])
    assert finder.make("strategies", "hybrid")(table, rng(0, "s")).tolist() == [0, 4, 1, 3, 2]
    near = finder.make("strategies", "hybrid", {"closest_share": "1"})(table, rng(0, "s"))
    far = finder.make("strategies", "hybrid", {"closest_share": "0"})(table, rng(0, "s"))
    assert near.tolist() == [0, 1, 2, 3, 4]
    assert far.tolist() == [4, 3, 2, 1, 0]


@given(tables, st.floats(0, 1))
@settings(max_examples=80, deadline=None)
def test_hybrid_ranks_every_sample_once(tmp_path_factory, case, share):
    cluster, distance, uid = case
    table = clusters_table(tmp_path_factory.getbasetemp() / "none", cluster, distance, uid=uid)
    order = finder.make("strategies", "hybrid", {"closest_share": share})(table, rng(0, "s"))
    assert sorted(order.tolist()) == list(range(len(cluster)))


def test_top_takes_the_hard_side_whatever_side_that_is(tmp_path):
    table = clusters_table(tmp_path / "t", [0, 0, 1, 1], [0.3, 0.1, 0.4, 0.2])
    assert finder.make("strategies", "top")(table, rng(0, "s")).tolist() == [2, 0, 3, 1]
    table.header["columns"]["distance"]["hard_is"] = "low"
    assert finder.make("strategies", "top")(table, rng(0, "s")).tolist() == [1, 3, 0, 2]


def test_top_names_the_columns_there_are(tmp_path):
    table = clusters_table(tmp_path / "t", [0, 0], [0.3, 0.1])
    with pytest.raises(CurateError, match=r"no column 'distanse': did you mean distance\?"):
        finder.make("strategies", "top", {"column": "distanse"})(table, rng(0, "s"))
    with pytest.raises(CurateError, match="column 'cluster' does not rank"):
        finder.make("strategies", "top", {"column": "cluster"})(table, rng(0, "s"))


def test_random_within_clusters_draws_equal_numbers(tmp_path):
    cluster = [0] * 30 + [1] * 10 + [2] * 20
    table = clusters_table(tmp_path / "t", cluster, [0.0] * 60)
    order = finder.make("strategies", "random", {"within": "cluster"})(table, rng(0, "s"))
    assert np.bincount(np.array(cluster)[order[:15]]).tolist() == [5, 5, 5]
    plain = finder.make("strategies", "random")(table, rng(0, "s"))
    assert np.bincount(np.array(cluster)[plain[:15]]).tolist() != [5, 5, 5]


def test_equal_uids_are_told_apart_by_index(tmp_path):
    table = clusters_table(tmp_path / "t", [0, 1, 2, 3], [1.0] * 4, uid=[7, 7, 5, 7])
    assert finder.make("strategies", "closest")(table, rng(0, "s")).tolist() == [2, 0, 1, 3]
