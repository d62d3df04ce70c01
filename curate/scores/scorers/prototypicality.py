"""prototypicality: the cosine distance to the nearest of the centroids of spherical k-means. High is hard.

It needs no labels. From an embedding it clusters directions, as the paper does; from a table of clusters
it takes the distances there, whatever they are. Keep the far ones where data is plenty, the near ones where
it is scarce. Source: Sorscher et al. 2022.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from curate.artifacts.tables import Column, Table
from curate.progress import Progress
from curate.scores.scorer import Scores
from curate.vectors.embedding import Embedding
from curate.vectors.kmeans import kmeans, usual_k


@dataclass(frozen=True)
class Prototypicality:
    """`k` is the number of clusters of an embedding, 0 for as many as `cluster` makes; `seed` is theirs."""

    k: int = 0
    seed: int = 0

    hard_is = "high"
    reads = ("clusters", "embedding")

    def from_clusters(self, table: Table, progress: Progress) -> Scores:
        if not table.header.options.get("spherical"):
            progress.note(
                f"{table.path} has Euclidean distances, and prototypicality is cosine in Sorscher et al.: "
                "score the embedding itself, or cluster with --spherical"
            )
        return table["distance"].astype(np.float64)

    def from_embedding(self, embedding: Embedding, progress: Progress) -> Mapping[str, Column]:
        clustering = kmeans(
            embedding.read,
            embedding.n,
            embedding.dim,
            self.k or usual_k(embedding.n),
            spherical=True,
            seed=self.seed,
            progress=progress,
        )
        distance = clustering.distance.astype(np.float64)
        return {"prototypicality": distance, "cluster": clustering.cluster}
