"""The body of an epoch: two steps of plain SGD on a linear model, worked in numpy in double precision."""

import numpy as np
import pytest
import torch

from curate.networks.model import Hyperparameters
from curate.progress import LOGGED, Progress
from curate.training.batches import Batch
from curate.training.book import Book
from curate.training.epoch import train_epoch

CPU = torch.device("cpu")
CHANCE = np.random.default_rng(0)
INPUTS, LABELS, START = CHANCE.normal(size=(5, 4)), np.array([2, 0, 1, 1, 0]), CHANCE.normal(size=(3, 4))
ORDER = [[3, 0, 4], [1, 2]]  # which samples each batch presents


class Linear:
    """A linear model that goes straight down the mean of its losses."""

    device = CPU

    def __init__(self):
        self.weight = torch.tensor(START, dtype=torch.float32, requires_grad=True)

    def set_rate(self, rate):
        self.rate = rate

    def logits(self, images):
        return images @ self.weight.T

    def step(self, losses):
        (gradient,) = torch.autograd.grad(losses.mean(), self.weight)
        with torch.no_grad():
            self.weight -= self.rate * gradient


def by_hand(weights):
    """The model after both batches, and by sample the losses as presented and who was right."""
    model, losses, right = START.copy(), np.zeros(5), np.zeros(5, bool)
    # Epoch 1 of 4 begins after a quarter of the run; its second batch half an epoch later.
    for rows, rate in zip(ORDER, (0.8 * (1 - 1 / 4), 0.8 * (1 - 3 / 8)), strict=True):
        gradient = np.zeros((3, 4))
        for row in rows:
            chances = np.exp(model @ INPUTS[row])
            chances /= chances.sum()
            losses[row], right[row] = -np.log(chances[LABELS[row]]), chances.argmax() == LABELS[row]
            gradient += weights[row] * np.outer(chances - np.eye(3)[LABELS[row]], INPUTS[row]) / len(rows)
        model -= rate * gradient
    return model, losses, right


@pytest.mark.parametrize("weights", [None, [1.0, 0.0, 3.0, 0.5, 2.0]])
def test_an_epoch_is_a_step_down_the_weighted_losses_of_every_batch(weights):
    model, book = Linear(), Book(5, CPU)
    images = torch.tensor(INPUTS, dtype=torch.float32)
    batches = [Batch(torch.tensor(rows), images[rows], torch.tensor(LABELS[rows])) for rows in ORDER]
    totals = train_epoch(
        model,
        batches,
        n_batches=2,
        epoch=1,
        hyperparameters=Hyperparameters(n_epochs=4, lr=0.8),
        schedule=lambda fraction: 1 - fraction,
        book=book,
        seed=0,
        weights=None if weights is None else torch.tensor(weights),
        progress=LOGGED,
    )
    multiples = np.ones(5) if weights is None else np.array(weights)
    expected, losses, right = by_hand(multiples)
    np.testing.assert_allclose(model.weight.detach().numpy(), expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(book.losses(), losses, rtol=1e-5)
    assert totals.loss == pytest.approx(losses.mean(), rel=1e-5)  # plain, whatever the losses weigh
    assert totals.accuracy == right.mean()


def test_a_loss_is_shown_from_the_first_step_on():
    shown = []

    class Shown(Progress):
        def advance(self, steps=1, **live):
            shown.extend(live.values())

    images = torch.tensor(INPUTS, dtype=torch.float32)
    batches = [Batch(torch.tensor(rows), images[rows], torch.tensor(LABELS[rows])) for rows in ORDER]
    train_epoch(
        Linear(),
        batches,
        n_batches=2,
        epoch=0,
        hyperparameters=Hyperparameters(n_epochs=1),
        schedule=lambda fraction: 1.0,
        book=Book(5, CPU),
        seed=0,
        progress=Shown(),
    )
    chances = np.exp(INPUTS[ORDER[0]] @ START.T)
    chances /= chances.sum(1, keepdims=True)
    first = -np.log(chances[np.arange(3), LABELS[ORDER[0]]]).mean()
    assert shown[0] == pytest.approx(first, rel=1e-5)
