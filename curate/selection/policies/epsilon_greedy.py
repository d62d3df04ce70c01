"""epsilon_greedy: the samples of highest average loss, and a share drawn at random from the rest.

(1 − ε)k are of highest m, the average of ema, by the same losses; εk are drawn uniformly from the others.
Source: Raju et al. 2021, "Accelerating Deep Learning with Dynamic Data Pruning".
"""

from dataclasses import dataclass

from curate.manifests.manifest import Selected
from curate.selection.budget import check_fraction
from curate.selection.policy import Plan, View, smoothed, with_chance


@dataclass(frozen=True)
class EpsilonGreedy:
    """`epsilon` is the share left to chance, `alpha` the weight of the newest loss in the average."""

    epsilon: float = 0.1
    alpha: float = 0.8

    observes = "training"
    sizing = "keep"
    period = None

    def __post_init__(self) -> None:
        check_fraction("epsilon", self.epsilon)
        check_fraction("alpha", self.alpha)

    def plan(self, view: View) -> Plan:
        _, mean, ranked = smoothed(view, self.alpha)
        chosen, ranking = with_chance(ranked, view, self.epsilon)
        return Plan(Selected(chosen), {"loss_mean": mean}, ranking)
