"""ucb: the k samples of highest average loss plus its variance. High is hard or unsteady.

The k samples of highest m + c·v are kept. v ← (1 − α)v + α(u − m_before)², from 0; then m ← αu + (1 − α)m.
The variance, not its root; the losses u are those of ema. Source: Raju et al. 2021, "Accelerating Deep
Learning with Dynamic Data Pruning".
"""

from dataclasses import dataclass

from curate.manifests.manifest import Selected
from curate.selection.budget import check_fraction
from curate.selection.policy import Plan, View, check_confidence, smoothed, spread_of, top


@dataclass(frozen=True)
class Ucb:
    """`confidence` is c, the worth of a unit of variance; `alpha` the weight of the newest loss."""

    confidence: float = 1.0
    alpha: float = 0.8

    observes = "training"
    sizing = "keep"
    period = None

    def __post_init__(self) -> None:
        check_confidence(self.confidence)
        check_fraction("alpha", self.alpha)

    def plan(self, view: View) -> Plan:
        before, mean, ranked = smoothed(view, self.alpha)
        variance = spread_of(view, self.alpha, before)
        ranked = ranked + self.confidence * variance
        chosen = top(ranked, view.available, view.k, view.uids)
        return Plan(Selected(chosen), {"loss_mean": mean, "loss_variance": variance}, ranked)
