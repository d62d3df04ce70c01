"""early_stop: all samples, for as many presentations as the pruned run has. The other control.

Tells whether selecting samples is better than simply stopping early, with the schedule of the learning
rate fitted to the shorter run.
"""

from dataclasses import dataclass

from curate.manifests.manifest import Selected
from curate.selection.policy import Plan, View, draw


@dataclass(frozen=True)
class EarlyStop:
    """Whole epochs, and a random part of the last one where the number does not come out even."""

    observes = "nothing"
    sizing = "early"
    period = 1

    def plan(self, view: View) -> Plan:
        left = view.n_presentations - view.samples_seen
        if left >= len(view.available):
            return Plan(Selected(view.available))
        return Plan(Selected(draw(view.available, left, view.rng)))
