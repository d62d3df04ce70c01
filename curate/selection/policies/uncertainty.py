"""uncertainty: the k samples of highest loss. High is hard.

Source: Raju et al. 2021, "Accelerating Deep Learning with Dynamic Data Pruning".
"""

from dataclasses import dataclass

from curate.manifests.manifest import Selected
from curate.selection.policy import Plan, View, smoothed, top


@dataclass(frozen=True)
class Uncertainty:
    """Top-k by the loss as it is now; a sample not observed now keeps the loss it had."""

    observes = "evaluation"
    sizing = "keep"
    period = None

    def plan(self, view: View) -> Plan:
        _, latest, ranked = smoothed(view, alpha=1.0)
        return Plan(Selected(top(ranked, view.available, view.k, view.uids)), {"loss_mean": latest}, ranked)
