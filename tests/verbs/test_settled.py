"""What a run settles at last: its precision, a batch that has room, and what is said of it."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from helpers.sessions import CPU

import curate
from curate.networks import learner as learners
from curate.networks import memory
from curate.networks.model import Hyperparameters
from curate.progress import Progress
from curate.verbs.hyperparameters import hyperparameters_for
from curate.verbs.settled import on_device, say_what_was_chosen, within_memory

OWN = Hyperparameters(n_epochs=3, batch_size=64, lr=0.4)


class Heard(Progress):
    def __init__(self):
        self.texts = []

    def note(self, text):
        self.texts.append(text)


@pytest.fixture
def learner(monkeypatch):
    """A network of which 16 samples have room."""
    digits = curate.open_dataset("digits").take(np.arange(20))
    learner = learners.build("basic-cnn", {"width": 4}, digits, 0, CPU)
    monkeypatch.setattr(memory, "CPU_LIMIT", 16 * memory.bytes_per_sample(learner))
    return learner


def test_a_precision_that_was_left_open_is_that_of_the_device():
    made = hyperparameters_for("lenet5", {"precision": "auto"})
    assert on_device(made, "lenet5", torch.device("cpu")).precision == "fp32"
    said = hyperparameters_for("lenet5", {"precision": "bf16"})
    assert on_device(said, "lenet5", torch.device("cpu")).precision == "bf16"


def test_a_smaller_batch_has_a_smaller_rate_under_sgd_alone(learner):
    fitting = within_memory(OWN, None, learner)
    assert (fitting.batch_size, fitting.lr) == (16, 0.1)
    adam = within_memory(replace(OWN, optimizer="adam"), {}, learner)
    assert (adam.batch_size, adam.lr) == (16, 0.4)


def test_what_the_user_says_stands(learner):
    assert within_memory(OWN, {"batch_size": 64, "lr": None}, learner) == OWN
    given = within_memory(OWN, {"lr": 0.4, "batch_size": None}, learner)
    assert (given.batch_size, given.lr) == (16, 0.4)


SMALLER = (
    "batches of 16, at a learning rate of 0.1: 64 images of 8 x 8 would not fit in memory; --batch-size and "
    "--lr say otherwise"
)


@pytest.mark.parametrize(
    ("named", "takes", "said"),
    [
        ("basic-cnn", "", []),
        (None, "", []),
        ("basic-cnn", "about 3 min", ["training takes about 3 min here"]),
        (
            None,
            "about 3 min",
            [
                "model basic-cnn, the default for images of 8 x 8: 3 epochs, batches of 64, sgd at 0.4, "
                "augmentation none",
                "training takes about 3 min here",
            ],
        ),
    ],
)
def test_what_was_chosen_is_said_before_a_long_run(learner, named, takes, said):
    heard = Heard()
    say_what_was_chosen(learner, named, OWN, OWN, takes, heard)
    assert heard.texts == said


def test_a_model_for_larger_images_and_a_smaller_batch_are_said_in_any_case(learner):
    heard = Heard()
    say_what_was_chosen(replace(learner, model="resnet10"), None, OWN, OWN, "", heard)
    assert [text[:40] for text in heard.texts] == ["model resnet10, the default for images o"]
    heard = Heard()
    say_what_was_chosen(learner, None, OWN, within_memory(OWN, None, learner), "", heard)
    assert heard.texts == [SMALLER]
