"""every_other: every second sample, beginning anew with another one at each checkpoint."""

from dataclasses import dataclass

from curate.manifests.manifest import Selected
from curate.selection.policy import Plan, View


@dataclass(frozen=True)
class EveryOther:
    """`offset` is where the first checkpoint begins."""

    offset: int = 0

    observes = "nothing"
    sizing = "own"
    period = None

    def plan(self, view: View) -> Plan:
        """It looks at no loss, and remembers how often it was asked."""
        asked = int(view.memory.get("asked", 0))
        return Plan(Selected(view.available[(self.offset + asked) % 2 :: 2]), {"asked": asked + 1})
