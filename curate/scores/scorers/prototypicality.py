"""prototypicality: the distance to the nearest centroid of the clusters of an embedding. High is hard.

It needs no labels. Keep the far ones where data is plenty, the near ones where it is scarce; the paper
clusters directions (`curate cluster --spherical`). Source: Sorscher et al. 2022.
"""

from dataclasses import dataclass

import numpy as np

from curate.artifacts.tables import Table
from curate.scores.scorer import Scores


@dataclass(frozen=True)
class Prototypicality:
    """It has no options."""

    hard_is = "high"
    reads = ("clusters",)

    def from_clusters(self, table: Table) -> Scores:
        return table["distance"].astype(np.float64)
