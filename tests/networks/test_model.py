"""Models: as large as published."""

import pytest

from curate import finder


@pytest.mark.parametrize(
    ("name", "channels", "parameters"),
    [  # as published for 32x32 images and 10 classes; basic-cnn counted by hand
        ("resnet18", 3, 11_173_962),
        ("resnet34", 3, 21_282_122),
        ("vgg16", 3, 14_728_266),
        ("basic-cnn", 1, 288 + 64 + 18_432 + 128 + 73_728 + 256 + 1_290),
    ],
)
def test_models_have_the_parameters_they_are_known_for(name, channels, parameters):
    network = finder.make("models", name).build(channels, 10)
    assert sum(parameter.numel() for parameter in network.parameters()) == parameters
