"""random: a uniform draw, the control that every other strategy has to beat.

`within=cluster` draws an equal number at random from every cluster: random in cluster, the control that
tells whether the distance or only the clusters helped.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from curate.artifacts.tables import Table
from curate.data.identity import Indices
from curate.selection.strategy import across_clusters, within_clusters


@dataclass(frozen=True)
class Random:
    """`within`: `dataset` for a plain uniform draw, `cluster` for equal quotas."""

    within: Literal["dataset", "cluster"] = "dataset"

    def __call__(self, table: Table, rng: np.random.Generator) -> Indices:
        if self.within == "dataset":
            return rng.permutation(len(table))
        return across_clusters(within_clusters(rng.random(len(table)), table), table)
