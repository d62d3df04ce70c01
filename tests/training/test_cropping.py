"""Parts cut on the device: what PIL scales, up to one level."""

import numpy as np
import pytest
import torch
from helpers.pictures import noise
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from curate.training.cropping import scaled_parts

SIDES = st.tuples(st.integers(1, 40), st.integers(1, 40))


@st.composite
def boxes(draw):
    height, width = draw(SIDES)
    top, left = draw(st.integers(0, height - 1)), draw(st.integers(0, width - 1))
    box = top, left, draw(st.integers(1, height - top)), draw(st.integers(1, width - left))
    return (height, width), box, draw(SIDES)


@given(boxes(), st.integers(0, 5))
def test_a_part_is_what_pil_makes_of_it(drawn, seed):
    sides, (top, left, height, width), size = drawn
    image = noise(*sides, 3, seed=seed)
    part = Image.fromarray(image[top : top + height, left : left + width])
    scaled = np.asarray(part.resize(size[::-1], Image.Resampling.BILINEAR)).transpose(2, 0, 1)
    images = torch.from_numpy(image).permute(2, 0, 1)[None]
    own = scaled_parts(images, torch.tensor([[top, left, height, width]]), size)
    assert own.dtype == torch.uint8
    assert np.abs(own[0].numpy().astype(int) - scaled.astype(int)).max() <= 1


@pytest.mark.parametrize("n", [0, 1, 5])
def test_each_image_is_cut_at_its_own_box(n):
    images = torch.from_numpy(noise(n, 1, 20, 30))
    places = torch.arange(n)
    box = torch.stack([places, 2 * places, 9 + 0 * places, 7 + 0 * places], dim=1)
    own = scaled_parts(images, box, (9, 7))
    assert own.shape == (n, 1, 9, 7)
    for place in range(n):
        assert torch.equal(own[place], images[place, :, place : place + 9, 2 * place : 2 * place + 7])
