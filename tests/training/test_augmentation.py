"""What augmentations share: shifts and mirrors against loops, the reach of a crop, and what a name means."""

import numpy as np
import pytest
import torch

from curate.errors import CurateError
from curate.training.augmentation import augmentation_for, reach_of, shift_and_mirror
from curate.training.augmentations.crop_flip import CropFlip
from curate.training.augmentations.none import NoAugmentation


def naive_shift(image, dy, dx, mirror, reach):
    channels, height, width = image.shape
    result = np.zeros_like(image)
    for c in range(channels):
        for y in range(height):
            for x in range(width):
                source_x = width - 1 - x if mirror else x
                yy, xx = y + dy - reach, source_x + dx - reach
                if 0 <= yy < height and 0 <= xx < width:
                    result[c, y, x] = image[c, yy, xx]
    return result


def test_crop_and_flip_equal_the_naive_loops():
    chance = np.random.default_rng(0)
    images = chance.integers(0, 256, (12, 3, 6, 5), dtype=np.uint8)
    shifts, mirrored = chance.integers(0, 5, (12, 2)), chance.random(12) < 0.5
    outcome = shift_and_mirror(
        torch.from_numpy(images), torch.from_numpy(shifts), torch.from_numpy(mirrored), 2
    )
    for i in range(12):
        assert (outcome[i].numpy() == naive_shift(images[i], *shifts[i], mirrored[i], 2)).all()


def test_auto_augments_colour_images_only():
    assert augmentation_for("auto", 3) == CropFlip()
    assert augmentation_for("auto", 1) == NoAugmentation()


def test_a_crop_reaches_an_eighth_of_the_height_and_at_least_one_pixel():
    assert [reach_of(height) for height in (1, 8, 15, 16, 28, 32, 64)] == [1, 1, 1, 2, 3, 4, 8]


def test_a_name_that_is_unknown_is_answered_with_those_there_are():
    with pytest.raises(
        CurateError, match="augment=cutout is unknown: use one of auto, crop, crop-flip, flip, none"
    ):
        augmentation_for("cutout", 3)
