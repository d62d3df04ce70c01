"""What the tests of strategies share: six samples scored by hand, and tables of clusters by chance."""

import pytest
from hypothesis import strategies as st

from curate import finder
from curate.rng import rng
from helpers.tables import score_table

TABLES = st.integers(1, 60).flatmap(
    lambda n: st.tuples(
        st.lists(st.integers(0, 5), min_size=n, max_size=n),
        st.lists(st.sampled_from([0.0, 0.5, 1.0, 2.0]), min_size=n, max_size=n),
        st.lists(st.integers(0, 30), min_size=n, max_size=n),
    )
)


def order_of(name, table, **options):
    return finder.make("strategies", name, options)(table, rng(0, "strategy")).tolist()


@pytest.fixture
def hand(tmp_path):
    """Six samples of two classes."""
    return score_table(
        tmp_path / "scores.parquet",
        "high",
        el2n=[0.875, 0.125, 0.5, 0.5, 0.3125, 0.75],
        aum=[-1.0, 9.0, 3.0, 4.0, 5.0, 1.0],
        label=[0, 0, 0, 1, 1, 1],
        uid=[5, 4, 3, 2, 1, 0],
    )
