"""Testing a network: accuracy, worst class and loss, in evaluation mode at a fixed batch size."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional

from curate.data.identity import Indices
from curate.networks.learner import Learner
from curate.training.batches import Batches
from curate.world import ALONE, World

EVALUATION_BATCH = 250  # the size of a forward pass changes its last bits. CPUs are slower at 1,000
_PIXELS = EVALUATION_BATCH * 96 * 96  # of a batch at most: larger images come in smaller batches


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


def evaluation_batch(learner: Learner) -> int:
    """How many samples a forward pass in evaluation mode has: a matter of the input size alone."""
    height, width = learner.input_size
    return min(EVALUATION_BATCH, max(1, _PIXELS // (height * width)))


def own_batches(order: Indices, batch_size: int, ranks: World) -> Indices:
    """This rank's part of an order: whole batches, so that each is what one process would have."""
    n_batches = -(-len(order) // batch_size)
    start, stop = (n_batches * rank // ranks.size * batch_size for rank in (ranks.rank, ranks.rank + 1))
    return order[start:stop]


def evaluate(learner: Learner, batches: Batches, n_classes: int, ranks: World = ALONE) -> Evaluation:
    """Test a network on all of a dataset, in evaluation mode; each of the ranks on its part."""
    learner.module.eval()
    size = evaluation_batch(learner)
    own = own_batches(np.arange(batches.n), size, ranks)
    guesses = [torch.empty(0, dtype=torch.int64, device=learner.device)]
    loss = torch.zeros((), dtype=torch.float64, device=learner.device)
    with torch.inference_mode():
        for _, images, labels in batches.plain(own, size):
            logits = learner.logits(images)
            loss += functional.cross_entropy(logits, labels, reduction="sum")
            guesses.append(logits.argmax(1))
    labels_of_all = batches.labels_by_index
    told = ranks.gather([torch.cat(guesses).cpu().numpy(), np.array([float(loss)])])
    right = np.concatenate([guessed for guessed, _ in told]) == labels_of_all
    loss_of_all = sum(float(of[0]) for _, of in told)
    total = np.bincount(labels_of_all, minlength=n_classes)
    with np.errstate(invalid="ignore"):
        per_class = np.bincount(labels_of_all, right, minlength=n_classes) / total
    return Evaluation(float(right.mean()), per_class.tolist(), loss_of_all / batches.n)
