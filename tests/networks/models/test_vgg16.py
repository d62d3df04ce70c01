"""vgg16: as large as published for 32x32 images and 10 classes."""

import pytest
import torch

from curate import finder


@pytest.mark.parametrize(("name", "channels", "parameters"), [("vgg16", 3, 14_728_266)])
def test_models_have_the_parameters_they_are_known_for(name, channels, parameters):
    with torch.device("meta"):  # sizes without numbers
        network = finder.make("models", name).build(channels, 10)
    assert sum(parameter.numel() for parameter in network.parameters()) == parameters


def test_smaller_images_are_enlarged_to_32_and_larger_ones_are_not():
    assert finder.make("models", "vgg16").input_size(20, 28) == (32, 32)
    assert finder.make("models", "vgg16").input_size(20, 40) == (32, 40)
