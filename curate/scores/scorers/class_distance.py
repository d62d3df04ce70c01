"""class_distance: the Euclidean distance to the median vector of the sample's class. High is hard.

The median is taken number by number over the vectors of a class. Select by it with the strategy moderate for
Moderate-DS. Source: Moderate coreset, Xia et al. 2023.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from curate.artifacts.tables import Column
from curate.errors import CurateError
from curate.progress import Progress
from curate.vectors.embedding import Embedding


@dataclass(frozen=True)
class ClassDistance:
    """It has no options."""

    hard_is = "high"
    reads = ("embedding",)

    def from_embedding(self, embedding: Embedding, progress: Progress) -> Mapping[str, Column]:
        if embedding.labels is None:
            raise CurateError(f"{embedding.path} has no labels, and class-distance needs classes")
        vectors = embedding.read(0, embedding.n)
        distance = np.empty(embedding.n)
        classes = np.unique(embedding.labels)
        with progress.task("class medians", len(classes), "classes"):
            for label in classes:
                own = np.flatnonzero(embedding.labels == label)
                of_class = vectors[own].astype(np.float64)
                distance[own] = np.linalg.norm(of_class - np.median(of_class, axis=0), axis=1)
                progress.advance()
        return {"class_distance": distance}
