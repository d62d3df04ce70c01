"""top: the hardest samples of the whole dataset by one column, whatever their cluster or class.

On clusters the column is the distance to the centroid: prototypicality, Sorscher et al. 2022. Which side
of a column is hard is written in the table that holds it.
"""

from dataclasses import dataclass

import numpy as np

from curate.artifacts.tables import Table
from curate.data.identity import Indices
from curate.selection.strategy import by_value


@dataclass(frozen=True)
class Top:
    """`column` names what to rank by; empty for the first column that ranks."""

    column: str = ""

    def __call__(self, table: Table, rng: np.random.Generator) -> Indices:
        return by_value(-table.hardness(self.column), table)
