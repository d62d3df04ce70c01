"""window: the hardest samples but for the very hardest, among which wrong labels and outliers gather.

Those skipped come last, the easiest of them first. Source: Data Diet, Paul et al. 2021.
"""

from dataclasses import dataclass

import numpy as np

from curate.artifacts.tables import Table
from curate.data.identity import Indices
from curate.selection.budget import check_fraction
from curate.selection.strategy import by_value
from curate.statistics import part_of


@dataclass(frozen=True)
class Window:
    """`skip` is the share of all samples skipped; `column` as for top."""

    skip: float = 0.1
    column: str = ""

    def __call__(self, table: Table, rng: np.random.Generator) -> Indices:
        check_fraction("skip", self.skip)
        values = table.hardness(self.column)
        n_skipped = part_of(self.skip, len(table))
        hardest_first = by_value(-values, table)
        skipped = np.zeros(len(table), np.bool_)
        skipped[hardest_first[:n_skipped]] = True
        easiest_first = by_value(values, table)
        return np.concatenate([hardest_first[n_skipped:], easiest_first[skipped[easiest_first]]])
