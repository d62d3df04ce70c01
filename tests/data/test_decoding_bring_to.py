"""Bringing images to a target: channels, depth and size, by hand and as PIL does it."""

import numpy as np
import pytest
from helpers.pictures import noise
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from curate.data.decoding import MAX_PIXELS, Target, bring_to


@pytest.mark.parametrize(
    ("given", "target", "expected"),
    [
        (np.uint8([[[7]]]), Target(), [[[7]]]),
        (np.uint8([[[7]]]), Target(channels=3), [[[7, 7, 7]]]),
        (np.uint8([[[7, 200]]]), Target(), [[[7]]]),
        (np.uint8([[[1, 2, 3, 200]]]), Target(), [[[1, 2, 3]]]),
        (np.uint8([[[7, 200]]]), Target(channels=3), [[[7, 7, 7]]]),
        (np.uint8([[[255, 0, 0], [0, 255, 0], [0, 0, 255]]]), Target(channels=1), [[[76], [150], [29]]]),
        (np.uint8([[[255, 255, 255], [10, 20, 30]]]), Target(channels=1), [[[255], [18]]]),
        (np.uint16([[[0], [256], [257], [65_534], [65_535]]]), Target(), [[[0], [0], [1], [254], [255]]]),
    ],
)
def test_channels_and_depth_worked_by_hand(given, target, expected):
    brought = bring_to(given, target)
    assert brought.dtype == np.uint8
    assert brought.tolist() == expected


@settings(max_examples=30, deadline=None)
@given(st.tuples(*[st.integers(0, 255)] * 3))
def test_grey_is_the_luma_of_itu_601_rounded(pixel):
    red, green, blue = pixel
    brought = bring_to(np.uint8([[pixel]]), Target(channels=1))
    assert brought.tolist() == [[[(299 * red + 587 * green + 114 * blue + 500) // 1000]]]
    assert abs(int(brought[0, 0, 0]) - Image.new("RGB", (1, 1), pixel).convert("L").getpixel((0, 0))) <= 1


def test_an_image_of_the_right_size_is_left_as_it_is():
    pixels = noise(8, 8, 3)
    assert np.array_equal(bring_to(pixels, Target(8)), pixels)


@pytest.mark.parametrize("wide", [True, False])
def test_the_centre_square_is_kept(wide):
    pixels = noise(8, 16, 3)
    brought = bring_to(pixels if wide else pixels.transpose(1, 0, 2), Target(8))
    assert np.array_equal(brought, pixels[:, 4:12] if wide else pixels[:, 4:12].transpose(1, 0, 2))


@pytest.mark.parametrize("size", [10, 34])
def test_resizing_is_bilinear_and_antialiased_as_in_pil(size):
    pixels = noise(20, 40, 3)
    reference = np.array(Image.fromarray(pixels).resize((2 * size, size), Image.Resampling.BILINEAR)).astype(
        int
    )
    left = size // 2
    difference = bring_to(pixels, Target(size)) - reference[:, left : left + size]
    assert np.abs(difference).max() <= 1


@settings(max_examples=25, deadline=None)
@given(
    st.integers(1, 40),
    st.integers(1, 40),
    st.integers(1, 4),
    st.integers(1, 20),
    st.sampled_from([None, 1, 3]),
)
def test_every_image_is_brought_to_the_target(height, width, given_channels, size, channels):
    brought = bring_to(noise(height, width, given_channels), Target(size, channels))
    assert brought.dtype == np.uint8
    assert brought.shape == (size, size, channels or {2: 1, 4: 3}.get(given_channels, given_channels))


def test_a_thin_image_cannot_ask_for_much_memory(monkeypatch):
    from torchvision.transforms.v2 import functional

    resize = functional.resize

    def guarded(image, size, **options):
        shorter, longer = sorted(image.shape[-2:])
        assert size[0] * size[0] * longer // shorter <= 10 * MAX_PIXELS
        return resize(image, size, **options)

    monkeypatch.setattr(functional, "resize", guarded)
    brought = bring_to(np.zeros((1, 30_000, 1), np.uint8), Target(512))
    assert brought.shape == (512, 512, 1)
