"""How hyperparameters become steps: by hand in numpy, what is refused, and the same bits without a trace."""

import numpy as np
import pytest
import torch
from helpers.sessions import CPU

from curate.networks.model import Hyperparameters
from curate.training.optimizer import optimizer_of, repeatable

pytest_plugins = ["helpers.sessions"]

START, GRADIENTS = (
    np.array([1.0, -2.0, 0.5]),
    np.array([[0.3, -0.1, 2.0], [-1.0, 0.2, 0.7], [0.4, 0.4, -0.6]]),
)


def stepped(**hyperparameters):
    """Three numbers after three steps of these gradients."""
    numbers = torch.tensor(START, requires_grad=True)
    optimizer = optimizer_of([numbers], Hyperparameters(lr=0.1, **hyperparameters))
    for gradient in GRADIENTS:
        numbers.grad = torch.tensor(gradient)
        optimizer.step()
    return numbers.detach().numpy()


@pytest.mark.parametrize(("momentum", "decay"), [(0.0, 0.0), (0.0, 0.2), (0.9, 0.0), (0.9, 0.2)])
def test_sgd_is_nesterovs_by_hand_and_plain_without_momentum(momentum, decay):
    numbers, velocity = START, np.zeros(3)
    for gradient in GRADIENTS:
        downhill = gradient + decay * numbers
        velocity = momentum * velocity + downhill
        numbers = numbers - 0.1 * (downhill + momentum * velocity)
    ours = stepped(optimizer="sgd", momentum=momentum, weight_decay=decay)
    np.testing.assert_allclose(ours, numbers, rtol=1e-12)


def test_adam_is_that_of_kingma_and_ba_by_hand():
    numbers, mean, square = START, np.zeros(3), np.zeros(3)
    for step, gradient in enumerate(GRADIENTS, 1):
        downhill = gradient + 0.2 * numbers
        mean, square = 0.9 * mean + 0.1 * downhill, 0.999 * square + 0.001 * downhill**2
        numbers = numbers - 0.1 * mean / (1 - 0.9**step) / (np.sqrt(square / (1 - 0.999**step)) + 1e-8)
    np.testing.assert_allclose(stepped(optimizer="adam", weight_decay=0.2), numbers, rtol=1e-9)


def test_what_is_drawn_follows_from_the_seed_and_the_callers_state_stays():
    before = torch.get_rng_state()
    drawn = []
    for seed in (7, 7, 8):
        with repeatable(CPU, seed):
            drawn.append(torch.rand(4).tolist())
    assert drawn[0] == drawn[1] != drawn[2]
    assert (torch.get_rng_state() == before).all()
