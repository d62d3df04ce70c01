"""Lloyd's iterations with FAISS, on all GPUs that it sees."""

from typing import Any

import numpy as np
import numpy.typing as npt

from curate.data.identity import Indices
from curate.vectors.embedding import Vectors


def n_gpus() -> int:
    """How many GPUs FAISS sees."""
    import faiss

    return int(faiss.get_num_gpus())


class Gpus:
    """Centroids among vectors, as `lloyd.Processor` has them; history and distances are FAISS's."""

    def __init__(self, spherical: bool) -> None:
        self._spherical = spherical
        self._held: tuple[Vectors, Any] | None = None
        self.name = f"{n_gpus()} GPUs (FAISS)"

    def settle(self, sample: Vectors, start: Vectors, n_iterations: int) -> tuple[Vectors, list[float]]:
        """The centroids after so many iterations, and the objective before each."""
        import faiss

        k, dim = start.shape
        trainer = faiss.Kmeans(
            dim,
            k,
            niter=n_iterations,
            spherical=self._spherical,
            gpu=True,
            min_points_per_centroid=1,
            max_points_per_centroid=len(sample),
        )
        trainer.train(sample, init_centroids=start)
        history = np.asarray(trainer.obj, np.float64)
        centroids = np.ascontiguousarray(trainer.centroids)
        self._held = centroids, trainer.index
        return centroids, (len(sample) - history if self._spherical else history).tolist()

    def nearest(self, rows: Vectors, centroids: Vectors) -> npt.NDArray[np.int32]:
        """The nearest centroid to each row, int32 `[n]`."""
        nearest: npt.NDArray[np.int32] = self._index(centroids).search(rows, 1)[1][:, 0].astype(np.int32)
        return nearest

    def two_nearest(self, rows: Vectors, centroids: Vectors) -> tuple[Vectors, Indices]:
        """Distances and numbers of the two nearest centroids, `[n, 2]` each."""
        nearness, near = self._index(centroids).search(rows, 2)
        return 1 - nearness if self._spherical else nearness, near

    def _index(self, centroids: Vectors) -> Any:
        """The index of these centroids; that of the last iterations where they are the same."""
        import faiss

        if self._held is None or not np.array_equal(self._held[0], centroids):
            kind = faiss.IndexFlatIP if self._spherical else faiss.IndexFlatL2
            index = faiss.index_cpu_to_all_gpus(kind(centroids.shape[1]))
            index.add(centroids)
            self._held = centroids, index
        return self._held[1]
