"""The control of a replay: as many samples as a manifest selects, drawn at random."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from curate.manifests.manifest import Selected
from curate.selection.policy import Observing, Plan, Sizing, View, draw


@dataclass(frozen=True)
class MatchedRandom:
    """As many samples per epoch as a manifest of these sizes selects, drawn uniformly.

    A static manifest is matched by one draw for the whole run, a dynamic one by a draw per epoch.
    """

    sizes: Sequence[int]

    observes: ClassVar[Observing] = "nothing"
    sizing: ClassVar[Sizing] = "own"
    period: ClassVar[int | None] = 1

    def plan(self, view: View) -> Plan:
        """A new draw for every checkpoint of the manifest."""
        static = len(self.sizes) == 1
        if static and "drawn" in view.memory:
            return Plan(Selected(view.memory["drawn"]), view.memory)
        size = min(self.sizes[0 if static else view.epoch], len(view.available))
        drawn = draw(view.available, size, view.rng)
        return Plan(Selected(drawn), {"drawn": drawn} if static else {})
