"""hybrid: both ends of every cluster in turn."""

from helpers.ordering import TABLES
from helpers.tables import clusters_table
from hypothesis import given, settings
from hypothesis import strategies as st

from curate import finder
from curate.rng import rng


def test_hybrid_takes_both_ends_in_turn(tmp_path):
    table = clusters_table(tmp_path / "t", [0] * 5, [0.1, 0.2, 0.3, 0.4, 0.5])
    assert finder.make("strategies", "hybrid")(table, rng(0, "s")).tolist() == [0, 4, 1, 3, 2]
    near = finder.make("strategies", "hybrid", {"closest_share": "1"})(table, rng(0, "s"))
    far = finder.make("strategies", "hybrid", {"closest_share": "0"})(table, rng(0, "s"))
    assert near.tolist() == [0, 1, 2, 3, 4]
    assert far.tolist() == [4, 3, 2, 1, 0]


@given(TABLES, st.floats(0, 1))
@settings(max_examples=80, deadline=None)
def test_hybrid_ranks_every_sample_once(tmp_path_factory, case, share):
    cluster, distance, uid = case
    table = clusters_table(tmp_path_factory.getbasetemp() / "none", cluster, distance, uid=uid)
    order = finder.make("strategies", "hybrid", {"closest_share": share})(table, rng(0, "s"))
    assert sorted(order.tolist()) == list(range(len(cluster)))


def test_the_near_end_gets_its_share_rounded_up_as_the_decimal_that_was_written(tmp_path):
    """0.55 of 100 picks is 55, though 0.55 * 100 is a little more in binary."""
    table = clusters_table(tmp_path / "t.parquet", [0] * 200, [float(distance) for distance in range(200)])
    order = finder.make("strategies", "hybrid", {"closest_share": "0.55"})(table, rng(0, "s"))
    for k in range(1, 201):
        n_near = -(-55 * k // 100)
        assert (order[:k] < n_near).sum() == n_near, k
