"""Hyperparameters that cannot train are refused, before any work and by the loop itself."""

import dataclasses

import pytest
from helpers.runs import QUICK, run

from curate import finder
from curate.errors import CurateError
from curate.training.hyperparameters import augmentation_name, check_hyperparameters

pytest_plugins = ["helpers.sessions"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n_epochs": 0}, "epochs=0 is out of range: use 1 or more"),
        ({"batch_size": 0}, "batch-size=0 is out of range"),
        ({"lr": 0.0}, "lr=0.0 is out of range: use more than 0"),
        ({"momentum": 1.0}, "momentum=1.0 is out of range"),
        ({"weight_decay": -1.0}, "weight-decay=-1.0 is out of range"),
        ({"lr": "0.1"}, "lr='0.1' is not a number"),
        ({"n_epochs": None}, "n_epochs=None is not a number"),
        ({"optimizer": "adamw"}, "optimizer=adamw is out of range: use sgd or adam"),
        ({"schedule": "cosin"}, r"no schedule called 'cosin': did you mean cosine\?"),
        ({"augment": "cutmix"}, "augment=cutmix is unknown: use one of auto"),
    ],
)
def test_settings_that_cannot_train_are_refused(digits, change, message):
    with pytest.raises(CurateError, match=message):
        check_hyperparameters(dataclasses.replace(QUICK, **change))
    with pytest.raises(CurateError, match=message):
        run(digits, dataclasses.replace(QUICK, **change))


def test_every_default_can_train():
    for name in finder.own_names("models"):
        check_hyperparameters(finder.load("models", name).hyperparameters)


@pytest.mark.parametrize(
    ("name", "n_channels", "meant"),
    [("auto", 1, "none"), ("auto", 3, "crop-flip"), ("flip", 1, "flip"), ("none", 3, "none")],
)
def test_auto_crops_and_flips_colour_images_alone(name, n_channels, meant):
    assert augmentation_name(name, n_channels) == meant
