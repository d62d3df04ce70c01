"""resnet8: its parameters counted by hand, and what it makes of images of any size."""

import pytest
import torch

from curate import finder
from curate.errors import CurateError


def convolution(n_in, n_out, side=3):
    """The parameters of a convolution without bias and of the batch norm behind it."""
    return n_in * n_out * side * side + 2 * n_out


def test_it_has_the_parameters_of_three_blocks_16_32_and_64_wide():
    with torch.device("meta"):  # sizes without numbers
        network = finder.make("models", "resnet8").build(3, 10)
    stem = convolution(3, 16)
    first = convolution(16, 16) + convolution(16, 16)
    second = convolution(16, 32) + convolution(32, 32) + convolution(16, 32, side=1)
    third = convolution(32, 64) + convolution(64, 64) + convolution(32, 64, side=1)
    assert (stem, first, second, third) == (464, 4_672, 14_528, 57_728)
    assert stem + first + second + third + 64 * 10 + 10 == 78_042
    assert sum(parameter.numel() for parameter in network.parameters()) == 78_042


def test_twice_as_wide_has_twice_the_channels_everywhere():
    network = finder.make("models", "resnet8", {"width": 32}).build(1, 4)
    assert sorted({p.shape[0] for p in network.parameters() if p.dim() == 4}) == [32, 64, 128]
    with pytest.raises(CurateError, match="width=0 is too small: use 1 or more channels"):
        finder.make("models", "resnet8", {"width": 0})


@pytest.mark.parametrize(("height", "width"), [(32, 32), (28, 28), (9, 30), (4, 4)])
def test_an_image_becomes_a_number_per_class(height, width):
    network = finder.make("models", "resnet8").build(3, 7).eval()
    assert network(torch.zeros(2, 3, height, width)).shape == (2, 7)


def test_images_are_taken_at_their_own_size_but_for_tiny_ones():
    input_size = finder.make("models", "resnet8").input_size
    assert (input_size(32, 28), input_size(1, 5)) == ((32, 28), (4, 5))


def test_a_quarter_of_the_side_is_left_before_the_mean():
    network = finder.make("models", "resnet8").build(3, 7).eval()
    assert network[:6](torch.zeros(1, 3, 32, 32)).shape == (1, 64, 8, 8)
