"""resnet18: as large as published for 32x32 images and 10 classes."""

import pytest
import torch

from curate import finder


@pytest.mark.parametrize(("name", "channels", "parameters"), [("resnet18", 3, 11_173_962)])
def test_models_have_the_parameters_they_are_known_for(name, channels, parameters):
    with torch.device("meta"):  # sizes without numbers
        network = finder.make("models", name).build(channels, 10)
    assert sum(parameter.numel() for parameter in network.parameters()) == parameters


def test_images_are_taken_at_their_own_size():
    assert finder.make("models", "resnet18").input_size(20, 28) == (20, 28)
