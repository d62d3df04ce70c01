"""entropy: how undecided a trained model is. High is hard. It looks at no label.

−Σ p ln p in nats, the mean over models, in evaluation mode. Source: Coleman et al. 2020.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from curate.scores.signals import entropies

if TYPE_CHECKING:
    from torch import Tensor

    from curate.networks.learner import Learner


@dataclass(frozen=True)
class Entropy:
    """It has no options."""

    hard_is = "high"
    reads = ("network",)
    over_models = "mean"
    n_models = 1
    schedule_share = 1.0

    def unlearned(self, n_presentations: int) -> None:
        return None

    def of_batch(self, learner: "Learner", images: "Tensor", labels: "Tensor") -> "Tensor":
        return entropies(learner.logits(images))
