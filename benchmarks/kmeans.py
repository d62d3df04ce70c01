"""k-means here against scikit-learn's, on the PCA-50 of MNIST, k = 500.

    python benchmarks/kmeans.py --data DATA/mnist

The objective is the sum of squared distances of all samples to their nearest centroid, computed alike for
all. Against the full KMeans, ours runs until its objective is at least as low. Against FAISS on the same CPU
both make as many iterations from the same start, and assign all samples.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
from common import alternate, ratio, spread, write

K = 500
SHAPES = ((262_144, 64, 1000), (65_536, 512, 1000), (65_536, 128, 4000))  # rows, dimensions, clusters


def main() -> None:
    from sklearn.cluster import KMeans, MiniBatchKMeans

    import curate
    from curate.vectors.kmeans import kmeans

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True)
    parser.add_argument("-n", type=int, default=3)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        embedding = curate.embed(arguments.data, dim=50, output=Path(folder) / "e.safetensors")
        vectors = embedding.read(0, embedding.n)

    seeds = {"value": 0}

    def ours(n_iterations: int, n_relocations: int = 0) -> float:
        result = kmeans(
            lambda start, stop: vectors[start:stop],
            *vectors.shape,
            K,
            n_iterations=n_iterations,
            n_relocations=n_relocations,
            seed=seeds["value"],
        )
        return objective(vectors, result.centroids)

    def mini_batch() -> float:
        seeds["value"] += 1
        return objective(
            vectors, MiniBatchKMeans(K, random_state=seeds["value"]).fit(vectors).cluster_centers_
        )

    def full() -> float:
        return objective(vectors, KMeans(K, random_state=seeds["value"]).fit(vectors).cluster_centers_)

    ours(1)  # load FAISS
    quick = _enough(ours, ((3, 0), (5, 0), (8, 0), (12, 0), (20, 0)), mini_batch())
    long = _enough(ours, ((10, 4), (10, 5), (10, 6), (10, 7), (20, 8)), full())
    ways = {
        "MiniBatchKMeans": mini_batch,
        "quick": lambda: ours(*quick),
        "curate": lambda: ours(20),
        "KMeans": full,
        "long": lambda: ours(*long),
    }
    seconds, result = alternate(ways, arguments.n)
    names = {
        "MiniBatchKMeans": "scikit-learn MiniBatchKMeans",
        "quick": f"curate, {quick[0]} iterations",
        "curate": "curate, 20 iterations",
        "KMeans": "scikit-learn KMeans",
        "long": f"curate, {long[0]} iterations, {long[1]} relocations",
    }
    lower = 100 * (1 - np.mean(result["curate"]) / np.mean(result["MiniBatchKMeans"]))
    level = 100 * (np.mean(result["long"]) / np.mean(result["KMeans"]) - 1)
    lines = [
        "# k-means, MNIST PCA-50: 60,000 x 50, k = 500",
        "",
        "| | seconds, mean ± std (n) | objective, thousands |",
        "|---|---|---|",
        *(
            f"| {text} | {spread(seconds[name])} | {spread([value / 1000 for value in result[name]])} |"
            for name, text in names.items()
        ),
        "",
        f"Against MiniBatchKMeans, {quick[0]} iterations: time ratio "
        f"{ratio(seconds['quick'], seconds['MiniBatchKMeans'])}, "
        f"objective {100 * (np.mean(result['quick']) / np.mean(result['MiniBatchKMeans']) - 1):+.2f}%; "
        f"20 iterations: {ratio(seconds['curate'], seconds['MiniBatchKMeans'])}, {-lower:+.2f}%.",
        f"Against KMeans: time ratio {ratio(seconds['long'], seconds['KMeans'])}, objective {level:+.2f}%.",
        "",
        "`python benchmarks/kmeans.py --data MNIST`; the time here includes assigning every sample.",
        "",
        "The same iterations by FAISS on this CPU:",
        "",
        "| vectors | k | FAISS, s | curate, s | curate / FAISS | objective, curate / FAISS |",
        "|---|---|---|---|---|---|",
        *beside_faiss(vectors, arguments.n),
    ]
    write("kmeans", lines, {"seconds": seconds, "objective": result})


def beside_faiss(mnist: np.ndarray, n: int) -> list[str]:
    """A line for each shape of vectors: five iterations by both, and the assignment."""
    import faiss

    from curate.vectors.lloyd import Processor

    chance = np.random.default_rng(0)
    shapes = [(mnist, K), *((chance.standard_normal((rows, dim), np.float32), k) for rows, dim, k in SHAPES)]
    lines = []
    for vectors, k in shapes:
        start = vectors[chance.choice(len(vectors), k, replace=False)]

        def theirs(vectors: np.ndarray = vectors, k: int = k, start: np.ndarray = start) -> np.ndarray:
            one = faiss.Kmeans(vectors.shape[1], k, niter=5, gpu=False, max_points_per_centroid=len(vectors))
            one.train(vectors, init_centroids=start)
            one.index.search(vectors, 1)
            return one.centroids

        def ours(vectors: np.ndarray = vectors, start: np.ndarray = start) -> np.ndarray:
            centroids, _ = Processor(spherical=False).settle(vectors, start, 5)
            Processor(spherical=False).nearest(vectors, centroids)
            return centroids

        seconds, result = alternate({"faiss": theirs, "curate": ours}, n)
        errors = {name: [objective(vectors, one) for one in made[:1]] for name, made in result.items()}
        cells = [spread(seconds["faiss"]), spread(seconds["curate"])]
        cells.append(ratio(seconds["curate"], seconds["faiss"]))
        same = errors["curate"][0] / errors["faiss"][0]
        lines.append(f"| {len(vectors):,} x {vectors.shape[1]} | {k:,} | {' | '.join(cells)} | {same:.4f} |")
    return lines


def _enough(run, efforts: tuple[tuple[int, int], ...], target: float) -> tuple[int, int]:
    """The first (iterations, relocations) whose objective is no higher than the target."""
    return next((effort for effort in efforts if run(*effort) <= target), efforts[-1])


def objective(vectors: np.ndarray, centroids: np.ndarray) -> float:
    """The sum of squared distances to the nearest centroid."""
    centroids = centroids.astype(np.float32)
    lengths = (centroids**2).sum(axis=1)
    total = 0.0
    for start in range(0, len(vectors), 10_000):
        part = vectors[start : start + 10_000]
        nearest = (lengths - 2 * part @ centroids.T).argmin(axis=1)
        total += float(((part - centroids[nearest]) ** 2).sum(dtype=np.float64))
    return total


if __name__ == "__main__":
    main()
