"""basic_cnn: its parameters counted by hand, and the sizes it takes."""

import pytest
import torch

from curate import finder
from curate.errors import CurateError


@pytest.mark.parametrize(
    ("name", "channels", "parameters"), [("basic-cnn", 1, 288 + 64 + 18_432 + 128 + 73_728 + 256 + 1_290)]
)
def test_models_have_the_parameters_they_are_known_for(name, channels, parameters):
    with torch.device("meta"):  # sizes without numbers
        network = finder.make("models", name).build(channels, 10)
    assert sum(parameter.numel() for parameter in network.parameters()) == parameters


def test_the_width_is_that_of_the_first_convolution_and_doubles_twice():
    network = finder.make("models", "basic-cnn", {"width": "5"}).build(3, 7)
    shapes = [tuple(parameter.shape) for parameter in network.parameters() if parameter.ndim > 1]
    assert shapes == [(5, 3, 3, 3), (10, 5, 3, 3), (20, 10, 3, 3), (7, 20)]
    with pytest.raises(CurateError, match="width=0 is too small: use 1 or more channels"):
        finder.make("models", "basic-cnn", {"width": "0"}).build(3, 7)


def test_images_below_four_pixels_are_enlarged():
    assert finder.make("models", "basic-cnn").input_size(3, 28) == (4, 28)
