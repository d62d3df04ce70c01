"""crop_flip: an image of four pixels moved and then mirrored, by hand, and what is drawn."""

import torch

from curate import finder
from curate.rng import rng

IMAGE = torch.tensor(
    [[[1, 2], [3, 4]]], dtype=torch.uint8
)  # one channel of two by two pixels; a crop reaches one


def test_four_pixels_are_moved_and_then_mirrored_where_told():
    drawn = {
        "shifts": torch.tensor([[1, 1], [1, 1], [1, 0], [1, 0], [0, 2]]),
        "mirrored": torch.tensor([False, True, False, True, True]),
    }
    changed = finder.make("augmentations", "crop-flip").apply(IMAGE.expand(5, 1, 2, 2), drawn)
    assert changed[:, 0].tolist() == [
        [[1, 2], [3, 4]],
        [[2, 1], [4, 3]],
        [[0, 1], [0, 3]],
        [[1, 0], [3, 0]],
        [[0, 0], [0, 2]],
    ]


def test_shifts_and_mirrors_are_drawn_apart_from_each_other():
    drawn = finder.make("augmentations", "crop-flip").draw(500, (8, 30), rng(0, "augment", 0))
    assert (drawn["shifts"].shape, drawn["mirrored"].shape) == ((500, 2), (500,))
    both = {
        (*shift, mirrored)
        for shift, mirrored in zip(drawn["shifts"].tolist(), drawn["mirrored"].tolist(), strict=True)
    }
    assert both == {(y, x, mirrored) for y in range(3) for x in range(3) for mirrored in (False, True)}
