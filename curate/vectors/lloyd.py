"""Lloyd's iterations, exact, on a processor: products of matrices, which use its cores best.

FAISS takes two and a half to five times as long there (benchmarks/results/kmeans.md). Vectors should lie
around zero, so that float32 holds their differences.
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from curate import world
from curate.data.identity import Indices
from curate.vectors.embedding import Vectors

_AT_ONCE = 2**22  # products in memory, which stay in the caches
_SUMMED = 2**14  # vectors that are summed in float32; sums of these are float64
_APART = 1 / 1024  # of a centroid, by which two that were one differ (FAISS)

Distances = npt.NDArray[np.float32]


class Processor:
    """Centroids among vectors, by Euclidean distance or, `spherical`, by cosine of vectors of length 1."""

    name = "cpu"

    def __init__(self, spherical: bool) -> None:
        self._spherical = spherical

    def settle(self, sample: Vectors, start: Vectors, n_iterations: int) -> tuple[Vectors, list[float]]:
        """The centroids after so many iterations, or fewer where nothing moves any more.

        With the objective before each: the sum of squared distances, or of 1 − cosine. Each rank has a part
        of the sample; sums are those of all.
        """
        centroids, total_of = start, world.here().total
        most, weight = np.array([float(len(sample))]), 1
        if not self._spherical:
            most, weight = np.einsum("ij,ij->i", sample, sample).sum(dtype=np.float64, keepdims=True), 2
        most = total_of(most)
        objectives: list[float] = []
        before: npt.NDArray[np.int32] | None = None
        for _ in range(n_iterations):
            cluster, best = _best(sample, centroids, self._spherical)
            n_moved = len(cluster) if before is None else (before != cluster).sum()
            total, all_moved = total_of(np.array([best.sum(dtype=np.float64), n_moved]))
            objectives.append(max(0.0, float(most[0] - weight * total)))
            if before is not None and all_moved == 0:
                break
            before = cluster
            centroids = self._means(sample, cluster, centroids)
        return centroids, objectives

    def nearest(self, rows: Vectors, centroids: Vectors) -> npt.NDArray[np.int32]:
        """The nearest centroid to each row, int32 `[n]`."""
        return _best(rows, centroids, self._spherical)[0]

    def two_nearest(self, rows: Vectors, centroids: Vectors) -> tuple[Distances, Indices]:
        """Distances, squared unless spherical, and numbers of the two nearest centroids, `[n, 2]` each.

        There are two centroids or more.
        """
        affinity, number = np.empty((len(rows), 2), np.float32), np.empty((len(rows), 2), np.int64)
        for start, products in _products(rows, centroids, self._spherical):
            own = np.arange(len(products))
            for place in range(2):
                number[start : start + len(own), place] = at = products.argmax(axis=1)
                affinity[start : start + len(own), place] = products[own, at]
                products[own, at] = -np.inf
        if self._spherical:
            return 1 - affinity, number
        lengths = np.einsum("ij,ij->i", rows, rows)
        return np.maximum(lengths[:, None] - 2 * affinity, 0), number

    def _means(self, sample: Vectors, cluster: npt.NDArray[np.int32], before: Vectors) -> Vectors:
        """The mean of each cluster; of two halves of the largest where one has no samples."""
        from scipy.sparse import csc_array

        k = len(before)
        sums, sizes = np.zeros(before.shape), np.bincount(cluster, minlength=k)
        for start in range(0, len(sample), _SUMMED):
            of = cluster[start : start + _SUMMED]
            ones = csc_array((np.ones(len(of), np.float32), of, np.arange(len(of) + 1)), shape=(k, len(of)))
            sums += ones @ sample[start : start + _SUMMED]
        sums, sizes = map(world.here().total, (sums, sizes))
        means = np.where(sizes[:, None] > 0, sums / np.maximum(sizes, 1)[:, None], before)
        _split(means, sizes)
        if self._spherical:
            means /= np.maximum(np.linalg.norm(means, axis=1, keepdims=True), np.finfo(np.float32).tiny)
        return means.astype(np.float32)


def _split(means: npt.NDArray[np.float64], sizes: npt.NDArray[np.int64]) -> None:
    """Let each centroid without samples share those of the largest cluster."""
    sizes = sizes.copy()
    signs = np.where(np.arange(means.shape[1]) % 2, 1 - _APART, 1 + _APART)
    for empty in np.flatnonzero(sizes == 0):
        largest = int(sizes.argmax())
        if sizes[largest] < 2:
            return
        means[empty], means[largest] = means[largest] * signs, means[largest] * (2 - signs)
        sizes[empty] = sizes[largest] // 2
        sizes[largest] -= sizes[empty]


def _best(
    rows: Vectors, centroids: Vectors, spherical: bool
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float32]]:
    """The nearest centroid to each row, and the product by which it is: see `_products`."""
    cluster, best = np.empty(len(rows), np.int32), np.empty(len(rows), np.float32)
    for start, products in _products(rows, centroids, spherical):
        at = products.argmax(axis=1)
        cluster[start : start + len(at)] = at
        best[start : start + len(at)] = products[np.arange(len(at)), at]
    return cluster, best


def _products(
    rows: Vectors, centroids: Vectors, spherical: bool
) -> Iterator[tuple[int, npt.NDArray[np.float32]]]:
    """X · c of some rows at a time, less half of c · c unless spherical: highest for the nearest centroid."""
    step = max(1, min(len(rows), _AT_ONCE // len(centroids)))
    across = np.ascontiguousarray(centroids.T)
    half = None if spherical else np.einsum("ij,ij->i", centroids, centroids) / 2
    room = np.empty((step, len(centroids)), np.float32)
    for start in range(0, len(rows), step):
        part = rows[start : start + step]
        products = np.matmul(part, across, out=room[: len(part)])
        if half is not None:
            products -= half
        yield start, products
