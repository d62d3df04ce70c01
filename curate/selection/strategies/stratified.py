"""stratified: equal numbers from every level of difficulty, without the samples least to be trusted.

Coverage-centric selection: the share `cut` of lowest AUM is left out, the rest is split into bins of equal
width, and bins share the budget alike, small ones spilling over into larger ones. Inside a bin samples are
drawn at random; those left out come last, the most trusted first. Source: CCS, Zheng et al. 2023.
"""

from dataclasses import dataclass

import numpy as np

from curate.artifacts.tables import Table
from curate.data.identity import Indices
from curate.errors import CurateError
from curate.selection.budget import check_fraction
from curate.selection.strategy import by_value, in_rounds, ranks_within
from curate.statistics import part_of


@dataclass(frozen=True)
class Stratified:
    """`cut` is the share left out, by `cut_column` (aum where the table has it, else `column`).

    `column` is what bins are made of, `bins` how many. The paper tunes `cut` to the budget: none from 0.5
    kept, 0.1 at 0.3 and 0.2, 0.3 at 0.1 (CIFAR-10).
    """

    cut: float = 0.0
    bins: int = 50
    column: str = ""
    cut_column: str = ""

    def __call__(self, table: Table, rng: np.random.Generator) -> Indices:
        check_fraction("cut", self.cut)
        if self.bins < 1:
            raise CurateError(f"bins={self.bins} is too few: use 1 or more")
        has_aum = "aum" in table.ranking_columns
        doubt = table.hardness(self.cut_column or ("aum" if has_aum else self.column))
        most_trusted_first = by_value(doubt, table)
        n_kept = len(table) - part_of(self.cut, len(table))
        if n_kept < 1:
            raise CurateError(f"cut={self.cut} leaves none of {len(table):,} samples: cut less")
        rest = np.sort(most_trusted_first[:n_kept])
        bins = equal_width(table.hardness(self.column)[rest], self.bins)
        turn = ranks_within(bins, rng.random(len(rest)))
        return np.concatenate([in_rounds(turn, rest, table), most_trusted_first[n_kept:]])


def equal_width(values: np.ndarray, n_bins: int) -> np.ndarray:
    """The bin of each value, 0 to n_bins − 1; a value on an inner edge belongs to the bin above."""
    low, width = values.min(), np.ptp(values)
    if width == 0:
        return np.zeros(len(values), np.int64)
    return np.minimum((values - low) * n_bins // width, n_bins - 1).astype(np.int64)
