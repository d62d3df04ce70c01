"""crop: an image of four pixels moved by hand, and the shifts that are drawn."""

import torch

from curate import finder
from curate.rng import rng

IMAGE = torch.tensor(
    [[[1, 2], [3, 4]]], dtype=torch.uint8
)  # one channel of two by two pixels; a crop reaches one


def test_four_pixels_are_moved_and_padded_with_zeros():
    shifts = torch.tensor([[1, 1], [0, 1], [2, 1], [1, 0], [1, 2], [0, 0], [2, 2]])
    moved = finder.make("augmentations", "crop").apply(IMAGE.expand(7, 1, 2, 2), {"shifts": shifts})
    assert moved[:, 0].tolist() == [
        [[1, 2], [3, 4]],
        [[0, 0], [1, 2]],
        [[3, 4], [0, 0]],
        [[0, 1], [0, 3]],
        [[2, 0], [4, 0]],
        [[0, 0], [0, 1]],
        [[4, 0], [0, 0]],
    ]


def test_every_shift_within_reach_is_drawn_and_no_other():
    (shifts,) = finder.make("augmentations", "crop").draw(500, (16, 30), rng(0, "augment", 0)).values()
    assert shifts.shape == (500, 2)
    assert {tuple(shift) for shift in shifts.tolist()} == {(y, x) for y in range(5) for x in range(5)}
