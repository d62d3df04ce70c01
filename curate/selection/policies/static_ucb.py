"""static_ucb: the hardest by a precomputed score plus the variance of their loss.

The k samples of highest s + c·v are kept. A static selection with a little motion. s is scaled to 0..1 and
high is hard, whatever side of the score is hard. v is that of the policy ucb, and 0 for a sample never
observed. Source: Raju et al. 2021, "Accelerating Deep Learning with Dynamic Data Pruning", Appendix B.
"""

from dataclasses import dataclass

from curate.manifests.manifest import Selected
from curate.selection.budget import check_fraction
from curate.selection.policy import Plan, View, check_confidence, smoothed, spread_of, top
from curate.selection.precomputed import hardness


@dataclass(frozen=True)
class StaticUcb:
    """`scores` is a table of clusters or scores, `column` its column; `confidence` is c."""

    scores: str = ""
    column: str = ""
    confidence: float = 1.0
    alpha: float = 0.8

    observes = "evaluation"
    sizing = "keep"
    period = None

    def __post_init__(self) -> None:
        check_confidence(self.confidence)
        check_fraction("alpha", self.alpha)

    def plan(self, view: View) -> Plan:
        before, mean, _ = smoothed(view, self.alpha)
        variance = spread_of(view, self.alpha, before)
        score = view.memory.get("score")
        score = hardness(self.scores, self.column, view.uids) if score is None else score
        ranked = score + self.confidence * variance
        chosen = top(ranked, view.available, view.k, view.uids)
        memory = {"score": score, "loss_mean": mean, "loss_variance": variance}
        return Plan(Selected(chosen), memory, ranked)
