"""The one body of an epoch: every batch forward, noted in the book, and one step down its loss.

What is trained is one model or several in step; the body does not know which.
"""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from curate.networks.model import Hyperparameters
from curate.progress import Progress
from curate.rng import stream_seed
from curate.training.batches import Batch
from curate.training.book import Book
from curate.training.optimizer import repeatable
from curate.training.schedule import Schedule
from curate.world import ALONE, World

_LIVE = 1.0  # seconds from one live loss to the next


class Trained(Protocol):
    """What an epoch trains: a model with its optimizer, or several as one."""

    device: torch.device

    def set_rate(self, rate: float) -> None:
        """The learning rate of the steps to come."""

    def logits(self, images: Tensor) -> Tensor:
        """The training forward pass: logits float32 `[presentations, classes]`."""

    def step(self, losses: Tensor) -> None:
        """One step down the mean of the losses `[presentations]` of each model."""


@dataclass(frozen=True)
class Totals:
    """Plain means over the presentations of an epoch, whatever they weigh; accuracy in 0..1."""

    loss: float
    accuracy: float


def train_epoch(
    trained: Trained,
    batches: Iterable[Batch],
    *,
    n_batches: int,
    epoch: int,
    hyperparameters: Hyperparameters,
    schedule: Schedule,
    book: Book,
    seed: int,
    weights: Tensor | None = None,
    ranks: World = ALONE,
    progress: Progress,
) -> Totals:
    """Train on the batches of an epoch; `weights` `[places]` multiply the losses, where there are any.

    Where `ranks` train together, each has its part of every batch, and the totals are those of all.
    """
    loss_sum = torch.zeros((), dtype=torch.float64, device=trained.device)
    n_right = torch.zeros((), dtype=torch.int64, device=trained.device)
    n_presented, due, on_cpu = 0, 0.0, trained.device.type == "cpu"
    own = [ranks.rank] if ranks.rank else []  # each draws its own noise
    with repeatable(trained.device, stream_seed(seed, "noise", epoch, *own)):
        for step, (rows, images, labels) in enumerate(batches):
            fraction = (epoch + step / n_batches) / hyperparameters.n_epochs
            trained.set_rate(hyperparameters.lr * schedule(fraction))
            logits = trained.logits(images)
            losses = functional.cross_entropy(logits, labels, reduction="none")
            book.note(rows, logits.detach(), losses.detach(), labels)
            loss_sum += losses.detach().sum()
            if weights is not None:
                losses = losses * weights[rows]
            trained.step(losses)
            n_right += (logits.detach().argmax(1) == labels).sum()
            n_presented += len(labels)
            progress.advance(len(labels))
            if on_cpu and (now := time.monotonic()) >= due:  # elsewhere it would wait for the device
                progress.advance(0, loss=float(losses.detach().mean()))
                due = now + _LIVE
    mine = np.array([float(loss_sum), float(n_right), n_presented])
    loss_of_all, n_right_of_all, n_of_all = ranks.total(mine).tolist()
    return Totals(loss_of_all / max(1, n_of_all), n_right_of_all / max(1, n_of_all))
