"""moderate: the samples nearest to the median of their class, neither its easiest nor its hardest.

Source: Moderate coreset, Xia et al. 2023, there with the distance to the centre of the class.
"""

from dataclasses import dataclass

import numpy as np

from curate.artifacts.tables import Table
from curate.data.identity import Indices
from curate.errors import CurateError
from curate.selection.strategy import by_value


@dataclass(frozen=True)
class Moderate:
    """`column` names what to rank by; empty for the first column that ranks."""

    column: str = ""

    def __call__(self, table: Table, rng: np.random.Generator) -> Indices:
        if table.labels is None:
            raise CurateError(f"{table.path} has no labels, and moderate needs classes: use another strategy")
        values = table.hardness(self.column)
        away = np.empty(len(table))
        for label in np.unique(table.labels):
            own = table.labels == label
            away[own] = np.abs(values[own] - np.median(values[own]))
        return by_value(away, table)
