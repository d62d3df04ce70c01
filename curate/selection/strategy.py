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
    del order, ranked
    return np.lexsort((table["uid"], values))


def distances(table: Table) -> npt.NDArray[np.floating[Any]]:
    """How far each sample is from its centroid, `[n]`; or an error that says where to get clusters."""
    need_clusters(table)
    distance: npt.NDArray[np.floating[Any]] = table["distance"]
    return distance


def within_clusters(
    values: npt.NDArray[np.floating[Any]], table: Table
) -> npt.NDArray[np.signedinteger[Any]]:
    """The rank of each sample in its own cluster, 0 for the smallest value, ties by uid."""
    return ranks_within(need_clusters(table), values, table["uid"])


def ranks_within(
    groups: npt.NDArray[Any], values: npt.NDArray[Any], *ties: npt.NDArray[Any]
) -> npt.NDArray[np.signedinteger[Any]]:
    """The rank of each in its group, 0 for the smallest value; ties by the columns given, then by place."""
    order, sizes = np.lexsort((*reversed(ties), values, groups)), np.bincount(groups)
    narrow: type[np.signedinteger[Any]] = np.int32 if len(groups) < 2**31 else np.int64
    places: npt.NDArray[np.signedinteger[Any]] = np.arange(len(groups), dtype=narrow)
    np.subtract(places, np.repeat((np.cumsum(sizes) - sizes).astype(narrow), sizes), out=places)
    ranks = np.empty_like(places)
    ranks[order] = places
    return ranks


def across_clusters(ranks: npt.NDArray[np.signedinteger[Any]], table: Table) -> Indices:
    """Rank 0 of every cluster, then rank 1, ...: equal quotas that spill over where a cluster is exhausted.

    Inside one round samples stand in order of uid, so a budget that ends in mid-round favours no cluster.
    """
    return np.lexsort((table["uid"], ranks))


def in_rounds(
    ranks: npt.NDArray[np.signedinteger[Any]], rows: npt.NDArray[np.int64], table: Table
) -> Indices:
    """Those `rows` of a table whose rank, `[rows]`, is 0, then those of rank 1, ...; each round by uid."""
    return rows[np.lexsort((rows, table["uid"][rows], ranks))]


def need_clusters(table: Table) -> npt.NDArray[np.int32]:
    """The cluster column, or an error that says where to get one."""
    if "cluster" not in table.columns:
        raise CurateError(f"{table.path} has no clusters: make them with `curate cluster`")
    clusters: npt.NDArray[np.int32] = table["cluster"]
    return clusters
