"""What a strategy is: the contract of the folder strategies, and how samples are ranked around centroids.

A strategy never sees the budget: it orders all samples of a table, best first. Ties are broken by uid,
then by index, so an order does not depend on how a dataset is stored, nor on how clusters are numbered;
only what is drawn at random does, which follows the order of the table.
"""

from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from curate.artifacts.tables import Table
from curate.data.identity import Indices
from curate.errors import CurateError


class Strategy(Protocol):
    """A strategy plug-in: a frozen dataclass whose fields are its options."""

    def __call__(self, table: Table, rng: np.random.Generator) -> Indices:
        """The indices of all samples, int64 `[n]`, best first."""


def by_value(values: npt.NDArray[np.float64], table: Table) -> Indices:
    """All samples by value, smallest first, ties by uid, then by index, in the order of which a table is."""
    order = np.argsort(values, kind="stable")
    ranked = values[order]
    if (ranked[1:] != ranked[:-1]).all():
        return order
    by_uid = np.argsort(table["uid"], kind="stable")
    return by_uid[np.argsort(values[by_uid], kind="stable")]


def distances(table: Table) -> npt.NDArray[np.float64]:
    """How far each sample is from its centroid, `[n]`; or an error that says where to get clusters."""
    need_clusters(table)
    return table["distance"].astype(np.float64)


def within_clusters(values: npt.NDArray[np.float64], table: Table) -> npt.NDArray[np.int64]:
    """The rank of each sample in its own cluster, 0 for the smallest value, ties by uid."""
    return ranks_within(need_clusters(table), values, table["uid"])


def ranks_within(groups: npt.NDArray[Any], values: npt.NDArray[Any], *ties: npt.NDArray[Any]) -> Indices:
    """The rank of each in its group, 0 for the smallest value; ties by the columns given, then by place."""
    order = np.lexsort((np.arange(len(groups)), *reversed(ties), values, groups))
    sizes = np.bincount(groups)
    ranks = np.empty(len(groups), np.int64)
    ranks[order] = np.arange(len(groups)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return ranks


def across_clusters(ranks: npt.NDArray[np.int64], table: Table) -> Indices:
    """Rank 0 of every cluster, then rank 1, ...: equal quotas that spill over where a cluster is exhausted.

    Inside one round samples stand in order of uid, so a budget that ends in mid-round favours no cluster.
    """
    return in_rounds(ranks, np.arange(len(table)), table)


def in_rounds(ranks: npt.NDArray[np.int64], rows: npt.NDArray[np.int64], table: Table) -> Indices:
    """Those `rows` of a table whose rank, `[rows]`, is 0, then those of rank 1, ...; each round by uid."""
    return rows[np.lexsort((rows, table["uid"][rows], ranks))]


def need_clusters(table: Table) -> npt.NDArray[np.int32]:
    """The cluster column, or an error that says where to get one."""
    if "cluster" not in table.columns:
        raise CurateError(f"{table.path} has no clusters: make them with `curate cluster`")
    clusters: npt.NDArray[np.int32] = table["cluster"]
    return clusters
