"""What a strategy is, and how samples are ranked around centroids.

A strategy never sees the budget: it orders all samples of a table, best first. Ties are broken by uid,
then by index, so an order does not depend on how a dataset is stored, nor on how clusters are numbered.
"""

from typing import Protocol

import numpy as np
import numpy.typing as npt

from curate.errors import CurateError
from curate.tables import Table

Order = npt.NDArray[np.int64]


class Strategy(Protocol):
    """A strategy plug-in: a frozen dataclass whose fields are its options."""

    def __call__(self, table: Table, rng: np.random.Generator) -> Order:
        """The indices of all samples, int64 `[n]`, best first."""


def by_value(values: npt.NDArray[np.float64], table: Table) -> Order:
    """All samples by value, smallest first, ties by uid."""
    return np.lexsort((table["index"], table["uid"], values))


def within_clusters(values: npt.NDArray[np.float64], table: Table) -> npt.NDArray[np.int64]:
    """The rank of each sample in its own cluster, 0 for the smallest value, ties by uid."""
    clusters = need_clusters(table)
    order = np.lexsort((table["index"], table["uid"], values, clusters))
    sizes = np.bincount(clusters)
    ranks = np.empty(len(table), np.int64)
    ranks[order] = np.arange(len(table)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return ranks


def across_clusters(ranks: npt.NDArray[np.int64], table: Table) -> Order:
    """Rank 0 of every cluster, then rank 1, ...: equal quotas that spill over where a cluster is exhausted.

    Inside one round samples stand in order of uid, so a budget that ends in mid-round favours no cluster.
    """
    return np.lexsort((table["index"], table["uid"], ranks))


def need_clusters(table: Table) -> npt.NDArray[np.int32]:
    """The cluster column, or an error that says where to get one."""
    if "cluster" not in table.columns:
        raise CurateError(f"{table.path} has no clusters: make them with `curate cluster`")
    clusters: npt.NDArray[np.int32] = table["cluster"]
    return clusters
