"""bottom: the easiest samples of the whole dataset by one column, whatever their cluster or class.

For scarce data (Sorscher et al. 2022, with prototypicality); by a score of training it lost to a random draw
at every budget on MNIST (recipes/results/earlier/scores.md). The table says which side of a column is hard.
"""

from dataclasses import dataclass

import numpy as np

from curate.artifacts.tables import Table
from curate.data.identity import Indices
from curate.selection.strategy import by_value


@dataclass(frozen=True)
class Bottom:
    """`column` names what to rank by; empty for the first column that ranks."""

    column: str = ""

    def __call__(self, table: Table, rng: np.random.Generator) -> Indices:
        return by_value(table.hardness(self.column), table)
