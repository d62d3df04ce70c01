"""Hyperparameters: the model's own, but for what the user says."""

import torch

from curate import finder
from curate.verbs.hyperparameters import hyperparameters_for, on_device


def test_what_is_not_said_is_the_models_own():
    own = finder.load("models", "lenet5").hyperparameters
    assert hyperparameters_for("lenet5", None) == own
    made = hyperparameters_for("lenet5", {"lr": 0.5, "n_epochs": None})
    assert (made.lr, made.n_epochs, made.optimizer) == (0.5, own.n_epochs, own.optimizer)


def test_a_precision_that_was_left_open_is_that_of_the_device():
    made = hyperparameters_for("lenet5", {"precision": "auto"})
    assert on_device(made, "lenet5", torch.device("cpu")).precision == "fp32"
    said = hyperparameters_for("lenet5", {"precision": "bf16"})
    assert on_device(said, "lenet5", torch.device("cpu")).precision == "bf16"
