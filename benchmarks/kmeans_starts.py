"""How k-means starts: the objective and the time of starts and relocations, over several shapes of data.

    python benchmarks/kmeans_starts.py --data MNIST

Every way clusters every shape with the same seeds. Objectives are multiples of the lowest that any way
found on that shape, times as a multiple of 20 iterations from random samples. Times are seconds of the
processor, so that another process beside it does little harm.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from common import spread, write

_LONG: dict[str, Any] = {"n_iterations": 20, "n_relocations": 0}
WAYS: dict[str, dict[str, Any]] = {
    "20 iterations": _LONG,
    "20 iterations, afk-mc2": {**_LONG, "init": "afk-mc2"},
    "20 iterations, kmeans++": {**_LONG, "init": "kmeans++"},
    "8 iterations, 4 relocations (default)": {},
    "8 iterations, 4 relocations, kmeans++": {"init": "kmeans++"},
    "8 iterations, 8 relocations": {"n_relocations": 8},
    "20 iterations, 8 relocations": {"n_iterations": 20, "n_relocations": 8},
}
BASE = "20 iterations"


def main() -> None:
    from curate.vectors.kmeans import kmeans

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", help="a dataset whose PCA-50 is clustered as well")
    parser.add_argument("-n", type=int, default=3, help="seeds")
    parser.add_argument("--only", nargs="+", default=list(WAYS))
    arguments = parser.parse_args()
    ways = {name: way for name, way in WAYS.items() if name in arguments.only}
    objective: dict[tuple[str, str], list[float]] = {}
    seconds: dict[tuple[str, str], list[float]] = {}
    for shape, (make, k) in shapes(arguments.data).items():
        vectors = make()
        for seed in range(arguments.n):
            for name, way in ways.items():
                started = time.process_time()
                done = kmeans(lambda a, b, v=vectors: v[a:b], *vectors.shape, k, seed=seed, **way)
                seconds.setdefault((shape, name), []).append(time.process_time() - started)
                objective.setdefault((shape, name), []).append(done.objective)
        print(shape, {name: round(np.mean(objective[(shape, name)])) for name in ways}, flush=True)
    names = list(dict.fromkeys(shape for shape, _ in objective))
    best = {shape: min(min(objective[(shape, name)]) for name in ways) for shape in names}

    def table(cell: Callable[[str, str], str]) -> list[str]:
        head = ["| | " + " | ".join(names) + " |", "|---|" + "---|" * len(names)]
        rows = (f"| {name} | " + " | ".join(cell(shape, name) for shape in names) + " |" for name in ways)
        return [*head, *rows]

    def quality(shape: str, name: str) -> str:
        return spread([value / best[shape] for value in objective[(shape, name)]], 3)

    def cost(shape: str, name: str) -> str:
        both = zip(seconds[(shape, name)], seconds[(shape, BASE)], strict=True)
        return spread([one / other for one, other in both])

    lines = [
        "# How k-means starts",
        "",
        "Objective, as a multiple of the lowest found on that shape, mean ± std (n seeds).",
        "",
        *table(quality),
        "",
        "Time, as a multiple of 20 iterations from random samples.",
        "",
        *table(cost),
        "",
        "`python benchmarks/kmeans_starts.py --data MNIST`",
    ]
    write("kmeans_starts", lines, {f"{s}; {w}": values for (s, w), values in objective.items()})


def shapes(data: str | None) -> dict[str, tuple[Callable[[], np.ndarray], int]]:
    """Vectors by name, and the number of clusters to look for."""
    chance = np.random.default_rng
    made: dict[str, tuple[Callable[[], np.ndarray], int]] = {
        "40 separated, 384 d, k 40": (lambda: gaussians(40, 10_000, 384, 4.0, chance(0)), 40),
        "10 separated, 16 d, k 10": (lambda: gaussians(10, 20_000, 16, 6.0, chance(1)), 10),
        "500 separated, 64 d, k 500": (lambda: gaussians(500, 50_000, 64, 3.0, chance(2)), 500),
        "200 overlapping, 32 d, k 200": (lambda: gaussians(200, 40_000, 32, 0.7, chance(3)), 200),
        "text-like, 256 d, k 500": (lambda: topics(40_000, 256, chance(4)), 500),
        "one cloud, 32 d, k 5,000": (lambda: gaussians(1, 60_000, 32, 0.0, chance(5)), 5_000),
    }
    if data:
        made["MNIST PCA-50, k 500"] = (lambda: principal(data), 500)
    return made


def gaussians(n_clusters: int, n: int, dim: int, distance: float, chance: np.random.Generator) -> np.ndarray:
    """Round clouds of unequal size, their centres so many of their own radii apart along each axis."""
    sizes = chance.dirichlet(np.full(n_clusters, 3.0))
    of = chance.choice(n_clusters, n, p=sizes)
    centres = distance * chance.standard_normal((n_clusters, dim)) / np.sqrt(2)
    return (centres[of] + chance.standard_normal((n, dim))).astype(np.float32)


def topics(n: int, dim: int, chance: np.random.Generator) -> np.ndarray:
    """Unit vectors, each a mixture of a few of 300 directions of unequal frequency, as sentences are."""
    directions = chance.standard_normal((300, dim))
    frequency = 1 / np.arange(1, 301)
    weights = np.zeros((n, 300))
    for _ in range(3):
        weights[np.arange(n), chance.choice(300, n, p=frequency / frequency.sum())] += chance.exponential(
            size=n
        )
    vectors = weights @ directions + 0.5 * chance.standard_normal((n, dim))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def principal(data: str) -> np.ndarray:
    import curate

    with tempfile.TemporaryDirectory() as folder:
        embedding = curate.embed(data, dim=50, output=Path(folder) / "e.safetensors")
        return embedding.read(0, embedding.n)


if __name__ == "__main__":
    main()
