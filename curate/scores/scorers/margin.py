"""margin: how far the label was ahead of the other classes when last seen in training. Low is hard.

Source: Coleman et al. 2020.
"""

from dataclasses import dataclass

from curate.scores.scorer import Scores, last_seen
from curate.scores.trace import Trace


@dataclass(frozen=True)
class Margin:
    """It has no options."""

    hard_is = "low"
    reads = ("trace",)
    over_models = "mean"
    n_models = 1
    schedule_share = 1.0

    def unlearned(self, n_presentations: int) -> float:
        return 0.0

    def from_trace(self, trace: Trace) -> Scores:
        return last_seen(trace, "margin")
