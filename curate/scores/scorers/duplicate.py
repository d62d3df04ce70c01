"""duplicate: how far the nearest other sample is, in cosine distance. High is unlike all others: hard.

Samples nearer to each other than a limit are near-duplicates, and so, over chains, are theirs. One of each
group, that of the smallest uid, stands for it: its score is the distance to the nearest that stands for
another group. Keeping the highest so drops copies before anything else, but not the last of them.
`rule=pairs` is as in SemDeDup: of each pair within the limit, the one more like the centroid of its
cluster goes, and what is left stands. Beyond 100,000 samples only those of one cluster are compared with one
another, as there. Source: SemDeDup, Abbas et al. 2023.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from curate import world
from curate.artifacts.tables import Column
from curate.data.identity import Indices, Uids
from curate.errors import CurateError
from curate.progress import Progress
from curate.vectors.by_cluster import by_cluster
from curate.vectors.embedding import Embedding
from curate.vectors.kmeans import Clustering, kmeans, usual_k
from curate.vectors.neighbours import Neighbours

_MOST_PAIRS = 2**22  # held at once
_ROUGH = {"n_iterations": 5, "n_relocations": 0}
_MOST_FOR_ALL = 100_000  # samples that are all compared with one another


@dataclass(frozen=True)
class Duplicate:
    """`max_cosine_distance` is the limit up to which samples are near-duplicates; `rule` is chains or pairs.

    `k` and `seed` are of the clusters whose centroids decide pairs, or within which samples are compared. 0
    is as many as `cluster` makes, and the root of n within clusters: so many cost least. `within` is what is
    compared with one another: all samples, or those of a cluster, by default beyond 100,000 samples.
    """

    max_cosine_distance: float = 0.05
    rule: Literal["chains", "pairs"] = "chains"
    k: int = 0
    seed: int = 0
    within: Literal["auto", "all", "clusters"] = "auto"

    hard_is = "high"
    reads = ("embedding",)
    by_ranks = True

    def from_embedding(self, embedding: Embedding, progress: Progress) -> Mapping[str, Column]:
        if not 0 <= self.max_cosine_distance < 1:
            raise CurateError(
                f"max_cosine_distance={self.max_cosine_distance} is out of range: use 0 to below 1"
            )
        everywhere = self.within == "all" or (self.within == "auto" and embedding.n <= _MOST_FOR_ALL)
        if everywhere:
            is_first = world.here().rank == 0
            return world.first_alone(lambda: self._of_all(embedding, progress) if is_first else {})
        return self._by_cluster(embedding, progress)

    def _of_all(self, embedding: Embedding, progress: Progress) -> Mapping[str, Column]:
        """All samples compared with one another."""
        far = None
        if self.rule == "pairs":
            far = self._clustering(embedding, self.k or usual_k(embedding.n), progress).distance
        vectors = _directions(embedding.read(0, embedding.n))
        distance, group = self._judged(vectors, embedding.uids, far, progress)
        return {"duplicate": distance, "duplicate_group": group}

    def _by_cluster(self, embedding: Embedding, progress: Progress) -> Mapping[str, Column]:
        """The samples of each cluster compared with one another; ranks share out the clusters."""
        k = self.k or round(embedding.n**0.5)
        clustering = self._clustering(embedding, k, progress, **_ROUGH)
        if self.within == "auto":
            progress.note(
                f"{embedding.n:,} samples: near-duplicates are looked for within each of "
                f"{len(clustering.centroids):,} clusters; --set within=all compares all with all"
            )
        sizes = np.bincount(clustering.cluster, minlength=k)
        ours = np.zeros(k, np.bool_)
        by_size = np.argsort(-sizes, kind="stable")
        ours[by_size[list(world.dealt(k))]] = True
        parts = by_cluster(embedding, clustering.cluster, progress, ours)
        found = [(np.empty(0, np.int64), np.empty(0), np.empty(0, np.int64))]
        with progress.task("near-duplicates", int(sizes[ours].sum()), "samples"):
            for rows, vectors in parts:
                far = clustering.distance[rows]
                own, of = self._judged(_directions(vectors), embedding.uids[rows], far, Progress())
                found.append((rows, own, rows[of]))
                progress.advance(len(rows))
        distance, group = np.empty(embedding.n), np.empty(embedding.n, np.int64)
        for rows, own, of in world.here().gather([np.concatenate(each) for each in zip(*found, strict=True)]):
            distance[rows], group[rows] = own, of
        return {"duplicate": distance, "duplicate_group": group}

    def _judged(
        self, vectors: np.ndarray, uids: Uids, far: np.ndarray | None, progress: Progress
    ) -> tuple[np.ndarray, Indices]:
        """Distance and group of some samples, compared with one another; `far` is that from the centroid."""
        neighbours = Neighbours(vectors)
        pairs = neighbours.pairs(self.max_cosine_distance, progress)
        by_uid = np.lexsort((np.arange(len(vectors)), uids))
        if self.rule == "pairs":
            assert far is not None, "pairs are decided by the centroid"
            group = _earlier(by_uid[np.argsort(-far[by_uid], kind="stable")], pairs)
            standing = np.unique(group)
        else:
            group = _closed(len(vectors), pairs)
            _, first = np.unique(group[by_uid], return_index=True)
            standing = np.sort(by_uid[first])
        distance = neighbours.distance.copy()
        distance[standing] = neighbours.among(standing)
        return distance, group

    def _clustering(self, embedding: Embedding, k: int, progress: Progress, **how: int) -> Clustering:
        """Clusters whose centroids decide; rough ones where they only tell what is compared with what."""
        own: dict[str, Any] = {"spherical": True, "seed": self.seed, "progress": progress, **how}
        return kmeans(embedding.read, embedding.n, embedding.dim, k, **own)


def _directions(vectors: np.ndarray) -> np.ndarray:
    """The vectors at length 1, float32 `[n, d]`; those of length 0 point in a direction of their own."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    if (lengths == 0).any():
        vectors = np.concatenate([vectors, (lengths == 0).astype(np.float32)], axis=1)
    return np.ascontiguousarray(vectors / np.where(lengths > 0, lengths, 1))


def _earlier(order: Indices, chunks: Iterable[np.ndarray]) -> Indices:
    """The sample that stands for each, int64 `[n]`: itself, where none of its pairs is earlier in the order.

    Else it is the one that stands for the earliest of them.
    """
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    earliest = place.copy()
    for pairs in chunks:
        places = place[pairs]
        np.minimum.at(earliest, pairs[:, 0], places[:, 1])
        np.minimum.at(earliest, pairs[:, 1], places[:, 0])
    stands = earliest[order]  # by place, as a place: never later than its own
    while (stands[stands] != stands).any():
        stands = stands[stands]
    return order[stands[place]]


def _closed(n: int, chunks: Iterable[np.ndarray]) -> np.ndarray:
    """The smallest index of each sample's group, int64 `[n]`, from pairs `[m, 2]` that come in chunks."""
    group, waiting = np.arange(n), [np.empty((0, 2), np.int64)]
    for pairs in chunks:
        waiting.append(pairs)
        if sum(map(len, waiting)) > _MOST_PAIRS:
            group, waiting = _joined(group, waiting), [np.empty((0, 2), np.int64)]
    return _joined(group, waiting)


def _joined(group: np.ndarray, pairs: list[np.ndarray]) -> np.ndarray:
    """The groups after some more pairs: a group is a chain from each sample to the smallest of it."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    n = len(group)
    links = np.concatenate([np.stack([np.arange(n), group], axis=1), *pairs])
    graph = coo_array((np.ones(len(links), np.bool_), (links[:, 0], links[:, 1])), shape=(n, n))
    _, of = connected_components(graph, directed=False)
    _, first = np.unique(of, return_index=True)
    return first[of]
