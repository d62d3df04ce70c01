"""What a batch keeps in memory: counted by hand for a network of which that is known, and halved to fit."""

import dataclasses

import numpy as np
import pytest
import torch
from helpers.sessions import CPU
from torch import nn

import curate
from curate.networks import learner as learners
from curate.networks import memory


@pytest.fixture(scope="module")
def learner():
    """Two linear layers on 8x8 pixels."""
    digits = curate.open_dataset("digits").take(np.arange(20))
    module = nn.Sequential(nn.Flatten(), nn.Linear(64, 32), nn.Tanh(), nn.Linear(32, 10))
    return dataclasses.replace(learners.build("basic-cnn", {}, digits, 0, CPU), module=module)


def test_it_is_what_the_backward_pass_needs_of_a_sample(learner):
    # The first layer keeps its 64 inputs, tanh its 32 outputs, which are the inputs of the second.
    assert memory.bytes_per_sample(learner) == 4 * (64 + 32)


def test_a_batch_is_halved_until_it_fits(learner, monkeypatch):
    monkeypatch.setattr(memory, "CPU_LIMIT", 4 * (64 + 32) * 20)
    assert memory.largest_batch(learner, 20) == 20
    assert memory.largest_batch(learner, 21) == 10
    assert memory.largest_batch(learner, 64) == 16
    monkeypatch.setattr(memory, "CPU_LIMIT", 1)
    assert memory.largest_batch(learner, 64) == 1, "never less than one sample"


def test_looking_changes_nothing(learner):
    before = learners.weights_sha256(learner)
    learner.module.train()
    memory.bytes_per_sample(learner)
    assert learners.weights_sha256(learner) == before
    assert learner.module.training
    assert all(parameter.grad is None for parameter in learner.module.parameters())


@pytest.mark.parametrize("name", ["basic-cnn", "lenet5", "resnet8", "resnet10", "resnet18", "vgg16"])
def test_models_keep_their_own_batch_for_images_of_32_pixels(name):
    pixels = np.random.default_rng(0).integers(0, 256, (10, 32, 32, 3), dtype=np.uint8)
    data = curate.Dataset.from_arrays(pixels, np.arange(10))
    learner = learners.build(name, {}, data, 0, torch.device("cpu"))
    own = learner.hyperparameters.batch_size
    assert memory.largest_batch(learner, own) == own
