"""mean_loss: the mean over epochs of the cross-entropy as seen in training. High is hard.

Source: the loss as a sign of difficulty is as old as boosting; as a mean over training, Jiang et al. 2019.
"""

import math
from dataclasses import dataclass

from curate.scores.scorer import Scores, mean_over_epochs
from curate.scores.trace import Trace


@dataclass(frozen=True)
class MeanLoss:
    """It has no options."""

    hard_is = "high"
    reads = ("trace",)
    over_models = "mean"
    n_models = 1
    schedule_share = 1.0

    def unlearned(self, n_presentations: int) -> float:
        return math.log(2)  # that of an even chance between two classes

    def from_trace(self, trace: Trace) -> Scores:
        return mean_over_epochs(trace, "loss")
