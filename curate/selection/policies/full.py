"""full: every sample in every epoch. The control that pruning has to come close to, for less."""

from dataclasses import dataclass

from curate.manifests.manifest import Selected
from curate.selection.policy import Plan, View


@dataclass(frozen=True)
class Full:
    """No selection at all."""

    observes = "nothing"
    sizing = "own"
    period = None

    def plan(self, view: View) -> Plan:
        return Plan(Selected(view.available))
