"""moderate: the samples nearest to the median of their class, neither its easiest nor its hardest.

Each class is ranked by itself, and classes take turns. `window=all` is as published: one ranking of all
samples, of which the middle is kept. Rank by class-distance for Moderate-DS. Source: Moderate coreset, Xia
et al. 2023.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from curate.artifacts.tables import Table
from curate.data.identity import Indices
from curate.errors import CurateError
from curate.selection.strategy import by_value, in_rounds, ranks_within


@dataclass(frozen=True)
class Moderate:
    """`column` names what to rank by, empty for the first that ranks; `window` is of `class` or `all`."""

    column: str = ""
    window: Literal["class", "all"] = "class"

    def __call__(self, table: Table, rng: np.random.Generator) -> Indices:
        values = table.hardness(self.column)
        if self.window == "all":
            place = np.empty(len(table))
            place[by_value(values, table)] = np.arange(len(table))
            return by_value(np.abs(place - (len(table) - 1) / 2), table)
        if table.labels is None:
            raise CurateError(f"{table.path} has no labels, and moderate needs classes: use another strategy")
        away = np.empty(len(table))
        for label in np.unique(table.labels):
            own = table.labels == label
            away[own] = np.abs(values[own] - np.median(values[own]))
        return in_rounds(ranks_within(table.labels, away, table["uid"]), np.arange(len(table)), table)
