"""k-means: with FAISS on all GPUs that it sees, else by exact iterations on the CPU.

Centroids are trained on a capped random sample and every vector is then assigned chunk by chunk, so
memory is bounded by the cap, whatever the size of the embedding.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

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
    middle = _middle(sample, spherical)
    sample -= middle
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
                centroids, own = place.settle(sample, centroids, n_part)
                if history and part <= n_relocations:
                    last_gain = 1 - own[-1] / history[-1] if history[-1] > 0 else 0.0
                history += own
                progress.advance(n_part)
    centroids += middle
    cluster, distance, objective = assign(read, n, centroids, spherical, progress)
    return Clustering(centroids, cluster, distance, objective, history, len(sample), last_gain, place.name)


def _place(spherical: bool) -> "Processor | Gpus":
    """Where to compute: FAISS is asked for GPUs where there may be any."""
    if any(map(os.path.exists, _GPU_DEVICES)):
        from curate.vectors.gpus import Gpus, n_gpus

        if n_gpus():
            return Gpus(spherical)
    return Processor(spherical)


def _start(sample: Vectors, k: int, init: str, spherical: bool, seed: int) -> Vectors:
    """The first centroids, `[k, d]`: samples."""
    if init == "random":
        return sample[rng(seed, "kmeans").choice(len(sample), k, replace=False)]
    import faiss

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
    middle = _middle(centroids, spherical)
    around = centroids - middle
    cluster, distance = np.empty(n, np.int32), np.empty(n, np.float32)
    objective = 0.0
    with progress.task("assign", n, "samples"):
        for start, stop in row_chunks(n, centroids.shape[1] * 4):
            rows = _prepared(read(start, stop), spherical)
            closest = place.nearest(rows - middle, around)
            exact = _distances(rows, centroids[closest], spherical)
            objective += float(exact.sum(dtype=np.float64))
            cluster[start:stop] = closest
            distance[start:stop] = exact if spherical else np.sqrt(exact)
            progress.advance(stop - start)
    return cluster, distance, objective


def _relocated(
    place: "Processor | Gpus", sample: Vectors, before: Vectors, share: float, random: np.random.Generator
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
    distance, near = place.two_nearest(sample, centroids)
    own = near[:, 0]
    missed = np.bincount(own, distance[:, 1] - distance[:, 0], k)
    error = np.bincount(own, distance[:, 0], k)
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
    drawn = _drawn(own, distance[:, 0], k, random)[target[:first]]
    centroids[moved[:first]] = sample[drawn]
    return centroids


def _middle(vectors: Vectors, spherical: bool) -> Vectors:
    """The point around which vectors lie, from which float32 holds their differences; 0 for directions."""
    dim = vectors.shape[1]
    return np.zeros(dim, np.float32) if spherical else vectors.mean(0, dtype=np.float64).astype(np.float32)


def _drawn(cluster: Indices, weight: Vectors, k: int, random: np.random.Generator) -> Indices:
    """One sample of each cluster that has any, `[k]`, drawn by weight; −1 for the others."""
    waits = random.standard_exponential(len(cluster)) / np.maximum(weight, 1e-30)
    order = np.lexsort((waits, cluster))
    leads = np.r_[True, cluster[order][1:] != cluster[order][:-1]]
    drawn = np.full(k, -1)
    drawn[cluster[order][leads]] = order[leads]
    return drawn


def _sample(
    read: Callable[[int, int], Vectors],
    n: int,
    dim: int,
    k: int,
    spherical: bool,
    seed: int,
    progress: Progress,
) -> Vectors:
    """All vectors where they are few, else a random sample in row order, bounded in bytes."""
    cap = max(_SAMPLE_ROWS, _SAMPLE_PER_CENTROID * k)
    size = min(n, max(k, min(cap, _SAMPLE_BYTES // (dim * 4))))
    chosen = np.arange(n) if size == n else np.sort(rng(seed, "kmeans sample").choice(n, size, replace=False))
    sample = np.empty((size, dim), np.float32)
    with progress.task("read vectors", n, "samples"):
        for start, stop in row_chunks(n, dim * 4):
            low, high = np.searchsorted(chosen, (start, stop))
            sample[low:high] = _prepared(read(start, stop)[chosen[low:high] - start], spherical)
            progress.advance(stop - start)
    return sample


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
