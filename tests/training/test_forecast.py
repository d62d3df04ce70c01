"""A forecast: proportional to what is to come, silent where that is little; it leaves no trace."""

import random
import threading

import numpy as np
import pytest
import torch
from helpers.sessions import CPU

from curate.networks import learner as learners
from curate.networks.model import Hyperparameters
from curate.training import forecast as module
from curate.training.batches import Batches
from curate.training.forecast import forecast

pytest_plugins = ["helpers.sessions"]


@pytest.fixture
def second_a_look(monkeypatch):
    """A clock on which every look is a second after the one before."""
    looks = iter(range(1000))
    monkeypatch.setattr(module.time, "perf_counter", lambda: float(next(looks)))


@pytest.mark.parametrize(
    ("n_presentations", "said"),
    [
        (59 * 128, ""),
        (60 * 128, "about 1 min"),
        (3600 * 128, "about 60 min"),
        (2 * 3600 * 128, "about 2.0 h"),
        (36 * 3600 * 128, "about 1.5 days"),
    ],
)
def test_it_is_the_time_of_a_step_times_the_steps(digits, second_a_look, n_presentations, said):
    learner = learners.build("basic-cnn", {"width": 2}, digits, 0, CPU)
    batches = Batches(digits, learner)
    assert forecast(learner, batches, digits.present, Hyperparameters(), n_presentations) == said


def test_it_leaves_network_and_streams_as_they_were(digits):
    learner = learners.build("basic-cnn", {"width": 2}, digits, 0, CPU)
    before = learners.weights_sha256(learner)
    states = [torch.get_rng_state(), np.random.get_state()[1].copy(), random.getstate()]  # noqa: NPY002

    class Draws(torch.nn.Module):
        def forward(self, logits):
            return logits + torch.rand(()) + np.random.random() + random.random()  # noqa: NPY002

    learner.module.append(Draws())
    forecast(learner, Batches(digits, learner), digits.present, Hyperparameters(), 1e9)
    assert learners.weights_sha256(learner) == before
    assert torch.equal(torch.get_rng_state(), states[0])
    assert (np.random.get_state()[1] == states[1]).all()  # noqa: NPY002
    assert random.getstate() == states[2]


def test_of_what_cannot_be_copied_or_is_done_nothing_is_said(digits, second_a_look):
    learner = learners.build("basic-cnn", {"width": 2}, digits, 0, CPU)
    batches = Batches(digits, learner)
    assert forecast(learner, batches, digits.present, Hyperparameters(), 0) == ""
    learner.module.lock = threading.Lock()
    assert forecast(learner, batches, digits.present, Hyperparameters(), 1e9) == ""
