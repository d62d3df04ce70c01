"""Batches: crops and mirrors, images ahead of their time, and what a sample is given whatever its batch."""

import numpy as np
import pytest
import torch
from helpers.runs import run
from helpers.sessions import CPU

from curate.data.dataset import Dataset
from curate.data.images import ResidentImages
from curate.errors import CurateError
from curate.networks import learner as learners
from curate.training.augmentation import augmentation_for, shift_and_mirror
from curate.training.augmentations.crop_flip import CropFlip
from curate.training.augmentations.none import NoAugmentation
from curate.training.batches import Batches, ahead

pytest_plugins = ["helpers.sessions"]


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
    found = shift_and_mirror(
        torch.from_numpy(images), torch.from_numpy(shifts), torch.from_numpy(mirrored), 2
    )
    for i in range(12):
        assert (found[i].numpy() == naive_shift(images[i], *shifts[i], mirrored[i], 2)).all()


def test_what_befalls_a_sample_does_not_depend_on_its_batch(digits):
    learner = learners.build("basic-cnn", {}, digits, 0, CPU)
    batches = Batches(digits, learner)

    def images_of(order, size):
        pieces = [batch.images for batch in batches.augmented(np.array(order), size, CropFlip(), 5, 2)]
        return dict(zip(order, torch.cat(pieces), strict=True))

    alone, together = images_of([7, 9], 1), images_of([3, 9, 250, 7, 11], 4)
    assert (alone[7] == together[7]).all()
    assert (alone[9] == together[9]).all()
    other_epoch = torch.cat(
        [batch.images for batch in batches.augmented(np.arange(50), 50, CropFlip(), 5, 3)]
    )
    plain = torch.cat([batch.images for batch in batches.plain(np.arange(50), 50)])
    assert (other_epoch != plain).any()


def test_auto_augments_colour_images_only():
    assert augmentation_for("auto", 3) == CropFlip()
    assert augmentation_for("auto", 1) == NoAugmentation()


def test_ahead_hands_over_errors_and_stops_early():
    def failing():
        yield 1
        raise ValueError("in the thread")

    items = ahead(failing())
    assert next(items) == 1
    with pytest.raises(ValueError, match="in the thread"):
        next(items)
    endless = ahead(iter(int, 1))
    assert [next(endless) for _ in range(10)] == [0] * 10
    endless.close()


def test_a_dataset_of_other_channels_is_refused(digits):
    learner, _ = run(digits)
    grey = ResidentImages(np.zeros((3, 8, 8, 3), np.uint8))
    colour = Dataset("colour", grey, np.zeros(3, np.int64), ["a"], np.arange(3, dtype=np.uint64))
    with pytest.raises(
        CurateError, match=r"colour has 3 channels, the model was made for 1: use --channels 1"
    ):
        Batches(colour, learner)
