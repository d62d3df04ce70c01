"""static_epsilon: the hardest by a precomputed score, and a share drawn anew from the rest.

(1 − ε)k are the hardest, εk are drawn at every checkpoint. A static selection with a little motion. Source:
Raju et al. 2021, "Accelerating Deep Learning with Dynamic Data Pruning", Appendix B.
"""

from dataclasses import dataclass

from curate.manifests.manifest import Selected
from curate.selection.budget import check_fraction
from curate.selection.policy import Plan, View, with_chance
from curate.selection.precomputed import hardness


@dataclass(frozen=True)
class StaticEpsilon:
    """`scores` is a table of clusters or scores, `column` its column (by default the first)."""

    scores: str = ""
    column: str = ""
    epsilon: float = 0.1

    observes = "nothing"
    sizing = "keep"
    period = None

    def __post_init__(self) -> None:
        check_fraction("epsilon", self.epsilon)

    def plan(self, view: View) -> Plan:
        score = view.memory.get("score")
        score = hardness(self.scores, self.column, view.uids) if score is None else score
        chosen, ranking = with_chance(score, view, self.epsilon)
        return Plan(Selected(chosen), {"score": score}, ranking)
