"""furthest: equal quotas, and what happens where a cluster is exhausted."""

import numpy as np
from helpers.ordering import TABLES
from helpers.tables import clusters_table
from hypothesis import given, settings
from hypothesis import strategies as st

from curate import finder
from curate.rng import rng


@given(TABLES, st.integers(1, 60))
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
