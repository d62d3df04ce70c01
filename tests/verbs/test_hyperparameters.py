"""Hyperparameters: the model's own, but for what the user says."""

import numpy as np
import pytest

import curate
from curate import finder
from curate.networks.model import DEFAULT_BEYOND, DEFAULT_MODEL
from curate.verbs.hyperparameters import hyperparameters_for, model_for


def test_what_is_not_said_is_the_models_own():
    own = finder.load("models", "lenet5").hyperparameters
    assert hyperparameters_for("lenet5", None) == own
    made = hyperparameters_for("lenet5", {"lr": 0.5, "n_epochs": None})
    assert (made.lr, made.n_epochs, made.optimizer) == (0.5, own.n_epochs, own.optimizer)


def images_of(height, width):
    return curate.Dataset.from_arrays(np.zeros((4, height, width, 3), np.uint8), np.arange(4) % 2)


@pytest.mark.parametrize(
    ("size", "model"),
    [((8, 8), "basic-cnn"), ((48, 48), "basic-cnn"), ((49, 20), "resnet10"), ((64, 64), "resnet10")],
)
def test_where_no_model_is_named_it_is_one_for_images_of_their_size(size, model):
    assert model_for(None, images_of(*size)) == model
    assert model_for("lenet5", images_of(*size)) == "lenet5"


def test_both_defaults_have_the_same_options_which_are_looked_at_before_the_data():
    small, large = (finder.load("models", name) for name in (DEFAULT_MODEL, DEFAULT_BEYOND))
    assert finder.option_names(small) == finder.option_names(large)


def test_epochs_are_called_as_the_option_is():
    assert hyperparameters_for("lenet5", {"epochs": 3}) == hyperparameters_for("lenet5", {"n_epochs": 3})
