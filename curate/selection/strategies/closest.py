"""closest: the samples nearest to their centroid, an equal number from every cluster. Prototypes.

Source: the k-means pruning of MNIST by Chris Lettieri. Best where data is scarce (Sorscher et al. 2022).
"""

from dataclasses import dataclass

import numpy as np

from curate.artifacts.tables import Table
from curate.data.identity import Indices
from curate.selection.strategy import across_clusters, distances, within_clusters


@dataclass(frozen=True)
class Closest:
    """Small distance first."""

    def __call__(self, table: Table, rng: np.random.Generator) -> Indices:
        return across_clusters(within_clusters(distances(table), table), table)
