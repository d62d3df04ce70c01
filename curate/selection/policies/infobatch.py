"""infobatch: samples of below-average loss are left out at random, and count for more when kept.

Of the samples whose latest loss in training is below the mean, each is left out with probability r; those
that stay get the weight 1 / (1 − r), so that the expected gradient is that of all samples. The last epochs
train on everything, also where their number is not whole. A sample that was never presented is never left
out. Source: Qin et al. 2024, "InfoBatch: Lossless Training Speed Up by Unbiased Dynamic Data Pruning".
"""

from dataclasses import dataclass

import numpy as np

from curate.errors import CurateError
from curate.manifests.manifest import Selected
from curate.selection.policy import Plan, View, smoothed
from curate.statistics import exactly


@dataclass(frozen=True)
class Infobatch:
    """`ratio` is r; `delta` is the fraction of the epochs after which nothing is left out any more."""

    ratio: float = 0.5
    delta: float = 0.875

    observes = "training"
    sizing = "own"
    period = 1

    def __post_init__(self) -> None:
        if not 0 <= self.ratio < 1:
            raise CurateError(f"ratio={self.ratio} is out of range: use 0 <= ratio < 1")
        if not 0 <= self.delta <= 1:
            raise CurateError(f"delta={self.delta} is not a fraction: use 0 <= delta <= 1")

    def plan(self, view: View) -> Plan:
        _, latest, _ = smoothed(view, alpha=1.0)
        memory = {"loss_mean": latest}
        anneals = view.epoch + 1 > exactly(self.delta) * view.n_epochs  # also an epoch that only ends beyond
        if anneals and self.delta < 1:
            return Plan(Selected(view.available, np.ones(len(view.available), np.float32)), memory)
        known = latest[view.available]
        mean = np.nanmean(known, dtype=np.float64) if not np.isnan(known).all() else np.nan
        easy = known < mean
        stays = ~easy | (view.rng.random(len(known)) >= self.ratio)
        weights = np.where(easy, 1 / (1 - self.ratio), 1).astype(np.float32)
        return Plan(Selected(view.available[stays], weights[stays]), memory)
