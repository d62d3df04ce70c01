"""(f) k-means on tensors of the device: FAISS's seam for it, `faiss.contrib.clustering`, with torch behind.

Nearest centroids come from matrix products in float32, a chunk at a time, and sums per centroid from one
`index_add`. It is set beside FAISS on the processors on a part of the vectors, and judged by the objective.
"""

import time
from typing import Any

import numpy as np

from gpu_stages.day import Day, Result, Size, Stage, each

N_ITERATIONS = 10
CHUNK = 2**16
PART = 50  # of the vectors, on the processors


def cells(size: Size) -> list[str]:
    n, dim, k = size.vectors
    return [f"{n:,} x {dim}, k = {k:,}"]


def measure(cell: str, day: Day) -> Result:
    import faiss
    import torch

    n, dim, k = day.size.vectors
    chance = torch.Generator(device=day.device).manual_seed(0)
    centres = torch.randn(k, dim, device=day.device, generator=chance)
    vectors = torch.empty(n, dim, device=day.device)
    for start in range(0, n, CHUNK):
        part = vectors[start : start + CHUNK]
        of = torch.randint(k, (len(part),), device=day.device, generator=chance)
        part.copy_(centres[of] + 0.5 * torch.randn(part.shape, device=day.device, generator=chance))
    ours, on_torch = _timed(vectors, k)
    some = vectors[: max(n // PART, 50 * k)].contiguous()
    ours_of_part, on_torch_of_part = _timed(some, k)
    in_memory = some.cpu().numpy()
    started = time.perf_counter()
    trainer = faiss.Kmeans(dim, k, niter=N_ITERATIONS, seed=1, max_points_per_centroid=len(some))
    trainer.train(in_memory)
    on_cpu = time.perf_counter() - started
    return {
        "seconds": round(on_torch, 3),
        "objective_a_vector": ours / n,
        "part": len(some),
        "part_seconds": round(on_torch_of_part, 3),
        "part_seconds_faiss_on_cpu": round(on_cpu, 3),
        "part_objective_ratio": ours_of_part / float(trainer.obj[-1]),
    }


def _timed(vectors: Any, k: int) -> tuple[float, float]:
    """The objective after the last iteration, and the seconds of all of them."""
    from faiss.contrib.clustering import kmeans

    data = OnDevice(vectors)
    data.assign_to(vectors[:k].cpu().numpy())  # to warm up
    started = time.perf_counter()
    centroids = kmeans(k, data, niter=N_ITERATIONS, seed=1, verbose=False)
    seconds = time.perf_counter() - started
    return float(data.assign_to(centroids)[1].sum(dtype=np.float64)), seconds


class OnDevice:
    """Vectors `[n, dim]` on a device, as `faiss.contrib.clustering` asks for them."""

    def __init__(self, vectors: Any) -> None:
        self.vectors = vectors
        self.squares = vectors.square().sum(1)

    def count(self) -> int:
        return self.vectors.shape[0]

    def dim(self) -> int:
        return self.vectors.shape[1]

    def get_subset(self, indices: np.ndarray) -> np.ndarray:
        import torch

        return self.vectors[torch.from_numpy(np.asarray(indices)).to(self.vectors.device)].cpu().numpy()

    def assign_to(
        self, centroids: np.ndarray, weights: None = None
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The nearest centroid of each vector, its squared distance, and the sum of the vectors of each."""
        import torch

        assert weights is None, "vectors count alike here"
        n = self.count()
        around = torch.from_numpy(np.ascontiguousarray(centroids, np.float32)).to(self.vectors.device)
        lengths = around.square().sum(1)
        nearest = torch.empty(n, dtype=torch.int64, device=around.device)
        distance = torch.empty(n, device=around.device)
        for start in range(0, n, CHUNK):
            part = slice(start, start + CHUNK)
            shifted = torch.addmm(lengths, self.vectors[part], around.T, alpha=-2)
            distance[part], nearest[part] = shifted.min(1)
        sums = torch.zeros_like(around).index_add_(0, nearest, self.vectors)
        distance = (distance + self.squares).clamp_(min=0)
        return nearest.cpu().numpy(), distance.cpu().numpy(), sums.cpu().numpy()


def page(results: list[Result]) -> list[str]:
    lines = []
    for result in results:
        gain = result["part_seconds_faiss_on_cpu"] / result["part_seconds"]
        lines += [
            f"{result['card']}: {result['cell']}, {N_ITERATIONS} iterations in {result['seconds']:.1f} s. On "
            f"{result['part']:,} of the vectors {gain:.1f} times faster than FAISS on the processors, at "
            f" {result['part_objective_ratio']:.4f} of its objective.",
            "",
        ]
    return lines


STAGE = Stage("kmeans", "k-means on tensors of the device", 2, True, cells, each(measure, 90), page)
