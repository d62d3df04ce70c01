"""closest and its mirror furthest: round after round, the next sample of every cluster."""

from helpers.ordering import TABLES
from helpers.tables import clusters_table
from hypothesis import given, settings

from curate import finder
from curate.rng import rng


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


@given(TABLES)
@settings(max_examples=120, deadline=None)
def test_closest_and_furthest_equal_the_naive_rounds(tmp_path_factory, case):
    cluster, distance, uid = case
    table = clusters_table(tmp_path_factory.getbasetemp() / "none", cluster, distance, uid=uid)
    for name, sign in (("closest", 1), ("furthest", -1)):
        order = finder.make("strategies", name)(table, rng(0, "s"))
        assert order.tolist() == naive_centroid_order(cluster, [sign * d for d in distance], uid)


def test_equal_uids_are_told_apart_by_index(tmp_path):
    table = clusters_table(tmp_path / "t", [0, 1, 2, 3], [1.0] * 4, uid=[7, 7, 5, 7])
    assert finder.make("strategies", "closest")(table, rng(0, "s")).tolist() == [2, 0, 1, 3]
