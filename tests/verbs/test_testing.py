"""The test set that belongs to a dataset: of the same classes and sizes."""

import numpy as np
from helpers.commands import assert_error
from helpers.pictures import jpegs


def test_a_val_split_that_stands_in_for_test_is_said(cli, here):
    for split in ("train", "val"):
        jpegs(here / "photos" / split, each=4, seed=len(split))
    result = cli("train", "photos", "--epochs", 1, "--image-size", 8)
    assert result.code == 0
    assert "photos has no test split: accuracies are those of its val split" in result.err


def test_a_test_set_of_other_classes_or_sizes_is_refused_before_training(cli, here, digits_round):
    chance = np.random.default_rng(0)
    for name, side, top in (("small.npz", 5, 10), ("other.npz", 8, 12)):
        labels = np.arange(24) % top
        np.savez(here / name, x=chance.integers(0, 256, (24, side, side), dtype=np.uint8), y=labels)
    words = ("replay", digits_round.manifest, "--epochs", 1, "--trials", 1, "--test")
    assert_error(
        cli(*words, "small.npz"), r"small.npz are 5 x 5 pixels, those of digits 8 x 8: .*--image-size"
    )
    assert_error(cli(*words, "other.npz"), r"other.npz has a class '10' that digits has not")
