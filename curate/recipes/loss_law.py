"""What a policy loses by what it keeps: a law through the trials of a pilot, with an interval.

The loss of a policy at keep q, the accuracy of full training minus its own, is fitted as a · ((1 − q) / q)^b:
nothing at 1, without bound near 0. Intervals are those of a bootstrap over seeds.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from curate.artifacts.results import Outcome
from curate.recipes.comparison import budget_of
from curate.rng import rng

_DRAWS = 400


@dataclass(frozen=True)
class Law:
    """loss(q) = a · ((1 − q) / q)^b, in 0..1."""

    a: float
    b: float

    def loss(self, keep: float) -> float:
        """The accuracy that is lost at a keep."""
        return self.a * ((1 - keep) / keep) ** self.b if keep < 1 else 0.0

    def keep(self, loss: float) -> float:
        """The smallest keep at which no more is lost."""
        if self.a <= 0:
            return 0.0
        return 1 / (1 + (loss / self.a) ** (1 / self.b)) if loss > 0 else 1.0


Losses = Mapping[float, Sequence[float]]  # by keep: of each seed, full minus the policy


def losses_of(rows: Sequence[Outcome], full: Mapping[int, Outcome]) -> Losses:
    """What each trial lost against full training of its seed, by the share that is kept."""
    losses: dict[float, list[float]] = {}
    for row in rows:
        if row.seed in full:
            losses.setdefault(share_of(row), []).append(full[row.seed].accuracy - row.accuracy)
    return losses


def share_of(row: Outcome) -> float:
    """What a trial keeps as a share, in 0..1, where its recipe says it as a number of samples too."""
    kept = float(budget_of(row) or 1)
    return kept / row.n if kept > 1 else kept


def fit(losses: Losses) -> Law:
    """The law through the mean losses by keep: least squares on logarithms, of those that lose anything."""
    points = [(math.log((1 - keep) / keep), float(np.mean(each))) for keep, each in losses.items()]
    lost = [(x, math.log(y)) for x, y in points if y > 0]
    if len(lost) < 2:
        return Law(max(0.0, max((y for _, y in points), default=0.0)), 1.0)
    x, y = (np.array(values) for values in zip(*lost, strict=True))
    slope = float(((x - x.mean()) * (y - y.mean())).sum() / ((x - x.mean()) ** 2).sum())
    slope = min(max(slope, 0.1), 4.0)  # the loss grows as less is kept
    return Law(float(np.exp(y.mean() - slope * x.mean())), slope)


@dataclass(frozen=True)
class Fitted:
    """The law of a policy, and those of a bootstrap over the trials of each keep."""

    law: Law
    drawn: Sequence[Law]

    def interval(self, keep: float) -> tuple[float, float, float]:
        """The low end of the 95% interval of the loss at a keep, the loss, and the high end."""
        low, high = np.percentile([law.loss(keep) for law in self.drawn], [2.5, 97.5])
        return float(low), self.law.loss(keep), float(high)


def fitted(losses: Losses, name: str) -> Fitted:
    """The law of a policy called `name`, of which the draws of the bootstrap are a function."""
    chance = rng(0, "advise", name)
    drawn = [
        fit({q: chance.choice(each, len(each)).tolist() for q, each in losses.items()}) for _ in range(_DRAWS)
    ]
    return Fitted(fit(losses), drawn)
