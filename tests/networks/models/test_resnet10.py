"""resnet10: its parameters counted by hand, and what it makes of images of any size."""

import pytest
import torch

from curate import finder
from curate.errors import CurateError


def convolution(n_in, n_out, side=3):
    """The parameters of a convolution without bias and of the batch norm behind it."""
    return n_in * n_out * side * side + 2 * n_out


def test_it_has_the_parameters_of_four_blocks_32_to_256_wide():
    with torch.device("meta"):  # sizes without numbers
        network = finder.make("models", "resnet10").build(3, 10)
    total = convolution(3, 32) + 2 * convolution(32, 32)
    for wide in (64, 128, 256):
        narrow = wide // 2
        total += convolution(narrow, wide) + convolution(wide, wide) + convolution(narrow, wide, side=1)
    assert total + 256 * 10 + 10 == 1_228_970
    assert sum(parameter.numel() for parameter in network.parameters()) == 1_228_970


@pytest.mark.parametrize("side", [16, 64, 100])
def test_images_of_any_size_become_logits(side):
    model = finder.make("models", "resnet10", {"width": 2})
    network = model.build(1, 7).eval()
    assert network(torch.zeros(3, 1, *model.input_size(side, side))).shape == (3, 7)


def test_small_images_are_enlarged_and_no_channel_is_none():
    assert finder.make("models", "resnet10").input_size(8, 20) == (16, 20)
    with pytest.raises(CurateError, match="width=0 is too small: use 1 or more channels"):
        finder.make("models", "resnet10", {"width": 0})
