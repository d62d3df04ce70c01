"""aum: area under the margin, the mean over epochs of label logit minus largest other logit. Low is hard.

Very low is likely mislabelled. Source: Pleiss et al. 2020.
"""

from dataclasses import dataclass

from curate.scores.scorer import Scores, mean_over_epochs
from curate.scores.trace import Trace


@dataclass(frozen=True)
class Aum:
    """It has no options."""

    hard_is = "low"
    reads = ("trace",)
    over_models = "mean"
    n_models = 1
    schedule_share = 1.0

    def unlearned(self, n_presentations: int) -> float:
        return 0.0

    def from_trace(self, trace: Trace) -> Scores:
        return mean_over_epochs(trace, "margin")
