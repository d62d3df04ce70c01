"""Testing a network: accuracy, worst class and loss, in evaluation mode at a fixed batch size."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional

from curate.networks.learner import Learner
from curate.training.batches import Batches

EVALUATION_BATCH = 250  # fixed: the size of a forward pass changes its last bits. CPUs are slower at 1,000


@dataclass(frozen=True)
class Evaluation:
    """Accuracy in 0..1 on a test set, per class (NaN for a class without samples), and mean loss."""

    accuracy: float
    per_class: list[float]
    loss: float

    @property
    def worst_class(self) -> float:
        """The lowest accuracy of any class that has samples."""
        return min(value for value in self.per_class if not math.isnan(value))


def evaluate(learner: Learner, batches: Batches, n_classes: int) -> Evaluation:
    """Test a network on all of a dataset, in evaluation mode."""
    learner.module.eval()
    right = torch.zeros(n_classes, dtype=torch.int64, device=learner.device)
    total = torch.zeros_like(right)
    loss = torch.zeros((), dtype=torch.float64, device=learner.device)
    with torch.inference_mode():
        for _, images, labels in batches.plain(np.arange(batches.n), EVALUATION_BATCH):
            logits = learner.logits(images)
            loss += functional.cross_entropy(logits, labels, reduction="sum")
            total += torch.bincount(labels, minlength=n_classes)
            right += torch.bincount(labels[logits.argmax(1) == labels], minlength=n_classes)
    per_class = (right.double() / total.double()).tolist()
    return Evaluation(float(right.sum()) / float(total.sum()), per_class, float(loss) / batches.n)
