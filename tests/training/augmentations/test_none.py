"""none: nothing is drawn, and images are as they are."""

import torch

from curate import finder
from curate.rng import rng

IMAGE = torch.tensor([[[1, 2], [3, 4]]], dtype=torch.uint8)  # one channel of two by two pixels


def test_nothing_is_drawn_and_nothing_is_changed():
    augmentation = finder.make("augmentations", "none")
    assert augmentation.draw(9, (8, 8), rng(0, "augment", 0)) == {}
    assert augmentation.apply(IMAGE[None], {})[0].tolist() == [[[1, 2], [3, 4]]]
