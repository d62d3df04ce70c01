"""k-means: with FAISS on all GPUs that it sees, else by exact iterations on the CPU.

Centroids are trained on a capped random sample and every vector is then assigned chunk by chunk, so
memory is bounded by the cap, whatever the size of the embedding.
"""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from curate import world
from curate.data.identity import Indices
from curate.errors import CurateError
from curate.finder import nearest
from curate.progress import LOGGED, Progress
from curate.rng import rng, stream_seed
from curate.vectors.embedding import Vectors, row_chunks
from curate.vectors.lloyd import Processor

if TYPE_CHECKING:
    from curate.vectors.gpus import Gpus

ITERATIONS, RELOCATIONS = 8, 4  # chosen by benchmarks/results/kmeans_starts.md: 20 steps in all
INITS = {"random": "RANDOM", "afk-mc2": "AFK_MC2", "kmeans++": "KMEANS_PLUS_PLUS"}
_SAMPLES_PER_CLUSTER = 120  # 60,000 samples, 500 clusters (Lettieri)
_MOST_PER_ROOT = 4  # clusters for the root of n
_SAMPLE_ROWS = 2**18
_SAMPLE_PER_CENTROID = 256
_SAMPLE_BYTES = 2**30
_GPU_DEVICES = ("/dev/nvidiactl", "/dev/nvidia0", "/dev/dxg", "/dev/kfd")
_MOVED = 0.15  # of the centroids, in the first relocation; fewer each time after
_SETTLE = 3  # iterations after a relocation
_HALVED = 0.5  # of the error of a cluster, where a second centroid joins: what a move may hope for


@dataclass(frozen=True)
class Clustering:
    """`cluster` int32 `[n]`, `distance` float32 `[n]` to the nearest of `centroids` `[k, d]`.

    Distances are Euclidean, or 1 − cosine when spherical. `objective` is the sum over all samples of
    the squared distance, or of the cosine distance. `history` is the objective per iteration, on the
    training sample. `last_gain` is the part of that by which the last relocation lowered it, with the
    iterations that followed: about as much as another would gain at most. None where there was none.
    """

    centroids: Vectors
    cluster: npt.NDArray[np.int32]
    distance: npt.NDArray[np.float32]
    objective: float
    history: list[float]
    n_trained_on: int
    last_gain: float | None
    device: str


def kmeans(
    read: Callable[[int, int], Vectors],
    n: int,
    dim: int,
    k: int,
    *,
    spherical: bool = False,
    n_iterations: int = ITERATIONS,
    init: str = "random",
    n_relocations: int = RELOCATIONS,
    seed: int = 0,
    progress: Progress = LOGGED,
) -> Clustering:
    """Cluster `n` vectors, read by `read(start, stop)`, around `k` centroids.

    `init` is where centroids start: on `random` samples, or spread out by `kmeans++` (Arthur and
    Vassilvitskii 2007) or its fast approximation `afk-mc2` (Bachem et al. 2016). Half-way through the
    iterations come `n_relocations`: each moves the centroids that are least missed to where the error
    is largest and lets all settle, which leads out of a poor optimum for a fraction of the iterations
    that a better start would cost (after breathing k-means, Fritzke 2020). By default there are few
    iterations and some relocations, which is better on all shapes of data that were tried.
    """
    if not 1 <= k <= n:
        raise CurateError(f"k={k} is out of range: use 1 to {n:,}, the number of samples")
    if n_iterations < 1:
        raise CurateError(f"iterations={n_iterations} is too few: use 1 or more")
    if n_relocations < 0:
        raise CurateError(f"relocate={n_relocations} is too few: use 0 or more")
    if init not in INITS:
        raise CurateError(f"there is no init '{init}': {nearest(init, INITS)}")
    place = _place(spherical)
    sample = _sample(read, n, dim, k, spherical, seed, progress)
    middle = _middle(sample.rows, sample.n, spherical)
    sample.rows[:] -= middle
    first = n_iterations - n_iterations // 2 if n_relocations else n_iterations
    parts = [first, *[_SETTLE] * n_relocations, n_iterations - first]
    history: list[float] = []
    last_gain: float | None = None
    with progress.task(f"k-means, k = {k}", sum(parts), "iterations"):
        centroids = _start(sample, k, init, spherical, seed)
        for part, n_part in enumerate(parts):
            if 0 < part <= n_relocations:
                share = _MOVED * (1 - (part - 1) / n_relocations)
                centroids = _relocated(place, sample, centroids, share, rng(seed, "relocate", part))
            if n_part:
                centroids, own = place.settle(sample.rows, centroids, n_part)
                if history and part <= n_relocations:
                    last_gain = 1 - own[-1] / history[-1] if history[-1] > 0 else 0.0
                history += own
                progress.advance(n_part)
    centroids += middle
    cluster, distance, objective = assign(read, n, centroids, spherical, progress)
    return Clustering(centroids, cluster, distance, objective, history, sample.n, last_gain, place.name)


def _place(spherical: bool) -> "Processor | Gpus":
    """Where to compute: FAISS is asked for GPUs where there may be any, and there is one rank."""
    if world.here().size == 1 and any(map(os.path.exists, _GPU_DEVICES)):
        from curate.vectors.gpus import Gpus, n_gpus

        if n_gpus():
            return Gpus(spherical)
    return Processor(spherical)


@dataclass(frozen=True)
class _Sample:
    """The vectors `[n, d]` that centroids are trained on, of which each rank holds those from `start` on."""

    rows: Vectors
    start: int
    n: int

    def at(self, places: Indices) -> Vectors:
        """The vectors at some places of all, on every rank."""
        own = places - self.start
        is_here = (own >= 0) & (own < len(self.rows))
        found = np.zeros((len(places), self.rows.shape[1]), np.float32)
        found[is_here] = self.rows[own[is_here]]
        return world.here().total(found)


def _start(whole: _Sample, k: int, init: str, spherical: bool, seed: int) -> Vectors:
    """The first centroids, `[k, d]`: samples."""
    if init == "random":
        return whole.at(rng(seed, "kmeans").choice(whole.n, k, replace=False))
    if world.here().size > 1:
        raise CurateError(f"init={init} looks at all vectors in one process: use --init random, or one rank")
    import faiss

    sample = whole.rows
    one = faiss.Kmeans(
        sample.shape[1],
        k,
        niter=0,
        seed=stream_seed(seed, "kmeans") % 2**31,
        spherical=spherical,
        init_method=getattr(faiss, f"ClusteringInitMethod_{INITS[init]}"),
        min_points_per_centroid=1,
        max_points_per_centroid=len(sample),
    )
    one.train(sample)
    return np.array(one.centroids)


def usual_k(n: int) -> int:
    """How many clusters for `n` samples: one per 120, as in the MNIST experiment this follows.

    Of fewer samples there are up to 12, as long as each has 12 samples on average. Of very many there are no
    more than four times the root of n, since the time that they take grows with n and k (FAISS, guidelines).
    """
    fine = min(round(n / _SAMPLES_PER_CLUSTER), round(_MOST_PER_ROOT * n**0.5))
    return max(1, fine, min(12, n // 12))


def assign(
    read: Callable[[int, int], Vectors],
    n: int,
    centroids: Vectors,
    spherical: bool,
    progress: Progress = LOGGED,
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float32], float]:
    """The nearest of `centroids` `[k, d]` to each of `n` vectors, its distance, and the objective.

    They are as in `Clustering`.
    """
    centroids, place = _prepared(centroids, spherical), _place(spherical)
    middle = np.zeros(centroids.shape[1], np.float32)
    if not spherical:
        middle = centroids.mean(0, dtype=np.float64).astype(np.float32)
    around = centroids - middle
    first, last = world.share(n)
    cluster, distance = np.empty(last - first, np.int32), np.empty(last - first, np.float32)
    objective = np.zeros(1)
    with progress.task("assign", last - first, "samples"):
        for start, stop in _chunks(n, centroids.shape[1]):
            rows = _prepared(read(start, stop), spherical)
            closest = place.nearest(rows - middle, around)
            exact = _distances(rows, centroids[closest], spherical)
            objective += exact.sum(dtype=np.float64)
            own = slice(start - first, stop - first)
            cluster[own], distance[own] = closest, exact if spherical else np.sqrt(exact)
            progress.advance(stop - start)
    if world.here().size > 1:
        parts = world.here().gather([cluster, distance])
        cluster, distance = map(np.concatenate, zip(*parts, strict=True))
    return cluster, distance, float(world.here().total(objective)[0])


def _chunks(n: int, dim: int) -> Iterator[tuple[int, int]]:
    """Start and stop of consecutive chunks of this rank's part of `n` vectors."""
    first, last = world.share(n)
    for start, stop in row_chunks(last - first, dim * 4):
        yield first + start, first + stop


def _relocated(
    place: "Processor | Gpus", sample: _Sample, before: Vectors, share: float, random: np.random.Generator
) -> Vectors:
    """The centroids, with up to a share of them moved into the clusters whose samples are furthest away.

    A centroid is missed by as much as its samples' distances would grow without it; of two neighbours
    only one moves, and one moves only where half of the error there is more than it is missed by. It moves
    onto a sample of the cluster, drawn by its distance from the centroid there: of two clusters that share a
    centroid, that is a sample of one.
    """
    centroids = before.copy()
    k = len(centroids)
    n_moved = min(k // 2, max(1, round(share * k)))
    if n_moved == 0:
        return centroids
    distance, near = place.two_nearest(sample.rows, centroids)
    own = near[:, 0]
    missed = world.here().total(np.bincount(own, distance[:, 1] - distance[:, 0], k))
    error = world.here().total(np.bincount(own, distance[:, 0], k))
    neighbour = place.two_nearest(centroids, centroids)[1]
    neighbour = np.where(neighbour[:, 0] == np.arange(k), neighbour[:, 1], neighbour[:, 0])
    moved: list[int] = []
    stays = np.zeros(k, np.bool_)
    for centroid in np.argsort(missed, kind="stable"):
        if len(moved) < n_moved and not stays[centroid]:
            moved.append(centroid)
            stays[neighbour[centroid]] = True
    error[moved] = -1
    target = np.argsort(-error, kind="stable")[: len(moved)]
    pays = _HALVED * error[target] > missed[moved]
    first = int(np.argmin(pays)) if not pays.all() else len(moved)
    drawn = _drawn(sample, own, distance[:, 0], k, random)[target[:first]]
    centroids[moved[:first]] = sample.at(drawn)
    return centroids


def _middle(rows: Vectors, n: int, spherical: bool) -> Vectors:
    """The point around which vectors lie, from which float32 holds their differences; 0 for directions."""
    if spherical:
        return np.zeros(rows.shape[1], np.float32)
    middle: Vectors = (world.here().total(rows.sum(0, dtype=np.float64)) / n).astype(np.float32)
    return middle


def _drawn(
    sample: _Sample, cluster: Indices, weight: Vectors, k: int, random: np.random.Generator
) -> Indices:
    """One sample of each cluster that has any, `[k]`, drawn by weight; −1 for the others.

    Of all samples, on every rank: that of the shortest wait.
    """
    waits = random.standard_exponential(sample.n)[sample.start : sample.start + len(cluster)]
    waits /= np.maximum(weight, 1e-30)
    order = np.lexsort((waits, cluster))
    leads = np.r_[True, cluster[order][1:] != cluster[order][:-1]][: len(order)]
    drawn, wait = np.full(k, -1), np.full(k, np.inf)
    drawn[cluster[order][leads]] = sample.start + order[leads]
    wait[cluster[order][leads]] = waits[order[leads]]
    by_rank = world.here().gather([drawn, wait])
    shortest = np.stack([of for _, of in by_rank]).argmin(axis=0)
    return np.stack([of for of, _ in by_rank])[shortest, np.arange(k)]


def _sample(
    read: Callable[[int, int], Vectors],
    n: int,
    dim: int,
    k: int,
    spherical: bool,
    seed: int,
    progress: Progress,
) -> _Sample:
    """All vectors where they are few, else a random sample in row order, bounded in bytes."""
    cap = max(_SAMPLE_ROWS, _SAMPLE_PER_CENTROID * k)
    size = min(n, max(k, min(cap, _SAMPLE_BYTES // (dim * 4))))
    chosen = np.arange(n) if size == n else np.sort(rng(seed, "kmeans sample").choice(n, size, replace=False))
    first, last = world.share(n)
    begin, end = np.searchsorted(chosen, (first, last)).tolist()
    rows = np.empty((end - begin, dim), np.float32)
    with progress.task("read vectors", last - first, "samples"):
        for start, stop in _chunks(n, dim):
            low, high = np.searchsorted(chosen, (start, stop))
            own = _prepared(read(start, stop)[chosen[low:high] - start], spherical)
            rows[low - begin : high - begin] = own
            progress.advance(stop - start)
    return _Sample(rows, begin, size)


def _prepared(rows: Vectors, spherical: bool) -> Vectors:
    """Rows of unit length where the cosine is meant; a zero vector stays zero."""
    if not spherical:
        return np.ascontiguousarray(rows)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.ascontiguousarray(rows / np.where(lengths > 0, lengths, 1), dtype=np.float32)


def _distances(rows: Vectors, centroids: Vectors, spherical: bool) -> npt.NDArray[Any]:
    """Squared Euclidean or cosine distance, row by row: exact where FAISS expands the square."""
    if spherical:
        return np.maximum(0, 1 - np.einsum("ij,ij->i", rows, centroids))
    difference = rows - centroids
    return np.einsum("ij,ij->i", difference, difference)
