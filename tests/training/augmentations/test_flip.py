"""flip: an image of four pixels mirrored by hand, and how often that is drawn."""

import numpy as np
import torch

from curate import finder
from curate.rng import rng

IMAGE = torch.tensor([[[1, 2], [3, 4]]], dtype=torch.uint8)  # one channel of two by two pixels


def test_four_pixels_are_mirrored_left_to_right_where_told():
    mirrored = torch.tensor([True, False])
    changed = finder.make("augmentations", "flip").apply(IMAGE.expand(2, 1, 2, 2), {"mirrored": mirrored})
    assert changed[:, 0].tolist() == [[[2, 1], [4, 3]], [[1, 2], [3, 4]]]


def test_half_of_the_samples_are_mirrored():
    """Of 10,000 fair coins, 5,000 give or take 50; four times that is a chance of one in 16,000."""
    (mirrored,) = finder.make("augmentations", "flip").draw(10_000, (8, 8), rng(0, "augment", 0)).values()
    assert mirrored.shape == (10_000,)
    assert abs(np.count_nonzero(mirrored) - 5_000) <= 200
