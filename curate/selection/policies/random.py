"""random: k samples drawn uniformly at every checkpoint. Costs nothing, and is hard to beat.

Source: Raju et al. 2021, "Accelerating Deep Learning with Dynamic Data Pruning".
"""

from dataclasses import dataclass

from curate.manifests.manifest import Selected
from curate.selection.policy import Plan, View, draw


@dataclass(frozen=True)
class Random:
    """A new uniform draw every time; never looks at a loss."""

    observes = "nothing"
    sizing = "keep"
    period = None

    def plan(self, view: View) -> Plan:
        return Plan(Selected(draw(view.available, view.k, view.rng)))
