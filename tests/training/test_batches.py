"""Batches: images ahead of their time, and what a sample is given whatever its batch."""

import numpy as np
import pytest
import torch
from helpers.runs import run
from helpers.sessions import CPU

from curate.data.dataset import Dataset
from curate.data.images import ResidentImages
from curate.errors import CurateError
from curate.networks import learner as learners
from curate.training.augmentations.crop_flip import CropFlip
from curate.training.augmentations.resized_crop import ResizedCrop
from curate.training.batches import Batches, ahead

pytest_plugins = ["helpers.sessions"]


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


def test_of_no_samples_there_is_no_batch(digits):
    """A scorer of the user's need not know what to make of one."""
    batches, none = Batches(digits, learners.build("basic-cnn", {}, digits, 0, CPU)), np.empty(0, np.int64)
    assert list(batches.plain(none, 10)) == []
    assert list(batches.augmented(none, 10, CropFlip(), 0, 0)) == []


def test_parts_cut_on_the_device_are_those_cut_by_other_processes(digits):
    learner = learners.build("basic-cnn", {}, digits, 0, CPU)
    batches, crop = Batches(digits, learner, "resized-crop"), ResizedCrop()
    order = np.random.default_rng(0).permutation(len(digits))[:100]

    def all_of_it():
        return [torch.cat(parts) for parts in zip(*batches.augmented(order, 32, crop, 5, 2), strict=True)]

    rows, images, labels = all_of_it()
    batches._cuts_on_device = True  # as where there is a GPU
    own_rows, own_images, own_labels = all_of_it()
    assert torch.equal(rows, own_rows)
    assert torch.equal(labels, own_labels)
    level = 1 / (255 * learner.normalization.std[0])
    assert (images - own_images).abs().max() <= 1.001 * level
    assert images.std() > 20 * level


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
