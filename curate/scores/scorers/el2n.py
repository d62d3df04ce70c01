"""el2n: the length of the error of models early in training. High is hard.

The error is ‖p − y‖₂; the score is its mean over models of different seeds, in evaluation mode and without
augmentation. From a trace, it is the error as training last saw it, which is cheaper and noisier. Source:
Paul et al. 2021.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from curate.scores.scorer import Scores, last_seen
from curate.scores.trace import Trace

if TYPE_CHECKING:
    from torch import Tensor

    from curate.networks.learner import Learner


@dataclass(frozen=True)
class El2n:
    """It has no options."""

    hard_is = "high"
    reads = ("network", "trace")
    over_models = "mean"
    n_models = 10  # Paul et al. 2021 score by ten models after 20 of 200 epochs
    schedule_share = 0.1

    def unlearned(self, n_presentations: int) -> float:
        return 0.5**0.5  # the least error at which another class can be ahead

    def of_batch(self, learner: "Learner", images: "Tensor", labels: "Tensor") -> "Tensor":
        from curate.scores.signals import error_norms

        return error_norms(learner.logits(images), labels)

    def from_trace(self, trace: Trace) -> Scores:
        return last_seen(trace, "error")
