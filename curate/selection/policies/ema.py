"""ema: the k samples of highest average loss. High is hard.

The average is m ← αu + (1 − α)m, from the first loss seen. By default u is the loss of a sample's latest
presentation in training; published is that of an evaluation pass, from the untrained model on, which makes
classes take turns (recipes/results/earlier/starts_cifar10.md). Source: Raju et al. 2021, "Accelerating Deep
Learning with Dynamic Data Pruning" (uncertainty with an exponential moving average).
"""

from dataclasses import dataclass

from curate.manifests.manifest import Selected
from curate.selection.budget import check_fraction
from curate.selection.policy import Plan, View, smoothed, top


@dataclass(frozen=True)
class Ema:
    """`alpha` is the weight of the newest loss."""

    alpha: float = 0.8

    observes = "training"
    sizing = "keep"
    period = None

    def __post_init__(self) -> None:
        check_fraction("alpha", self.alpha)

    def plan(self, view: View) -> Plan:
        _, mean, ranked = smoothed(view, self.alpha)
        return Plan(Selected(top(ranked, view.available, view.k, view.uids)), {"loss_mean": mean}, ranked)
