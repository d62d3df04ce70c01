"""inspect of a dataset: every split, and every trouble of it with its remedy, in one report."""

import json
import shutil

import pytest
from helpers.commands import assert_error
from helpers.pictures import encoded, jpegs, noise, write


@pytest.fixture
def careless(here):
    """A folder as people have them: several sizes, a grey file, broken ones, a test image in train."""
    shared = encoded(noise(70, 80, 3, seed=5), "JPEG")
    for name, content in {
        "train/cat/1.jpg": encoded(noise(70, 80, 3), "JPEG"),
        "train/cat/2.jpg": encoded(noise(90, 66, 3, seed=1), "JPEG"),
        "train/cat/3.jpg": shared,
        "train/dog/1.jpg": encoded(noise(70, 80), "JPEG"),
        "train/dog/2.jpg": shared[:-300],
        "train/dog/3.png": b"no image",
        "test/cat/1.jpg": shared,
        "test/dog/1.png": encoded(noise(20, 20, 3)),
        "test/fox/1.png": b"",
    }.items():
        write(here / "photos" / name, content)
    return "photos"


def test_all_troubles_of_all_splits_are_in_one_report(careless, cli):
    result = cli("inspect", careless, "--json")
    assert (result.code, result.err) == (0, "")
    facts = json.loads(result.out)["facts"]
    assert facts["samples"] == "4 (train split); 2 in test"
    assert facts["images"] == "64 x 64 pixels, colour"
    assert facts["train"] == (
        "1 of 4 images are grey, the others colour (such as photos/train/dog/1.jpg): all are read as colour; "
        "--channels 1 makes all grey; the images differ in size, from 66 x 70 to 80 x 90 pixels: all are "
        "brought to 64 x 64; --image-size takes another number; 2 of 6 images cannot be read "
        "(photos/train/dog/2.jpg, photos/train/dog/3.png): mend them, or leave them out with --skip-corrupt"
    )
    assert "photos/test/fox/1.png" in facts["test"]
    assert facts["beware"].startswith("1 of the 2 test images are training images of photos as well")


def test_of_a_source_without_splits_damage_is_counted_once_over_all_of_it(here, cli):
    """3 of 60 cannot be read: few enough, though they are more than 5% of either part."""
    jpegs(here / "photos", each=30)
    for name in ("cat/1.jpg", "cat/2.jpg", "dog/3.jpg"):
        (here / "photos" / name).write_bytes(b"")
    result = cli("inspect", "photos", "--image-size", 8, "--json")
    facts = json.loads(result.out)["facts"]
    assert "3 of 60 images cannot be read" in facts["train"]
    assert facts["train"].endswith("left out")
    assert "test" not in facts
    trained = cli("train", "photos", "--image-size", 8, "--epochs", 1)
    assert trained.err.count("left out 3 of 60 images that cannot be read") == 1
    sheet = cli("inspect", "photos", "--image-size", 8, "--sheet")
    assert (sheet.code, sheet.err) == (0, "")


def test_the_split_that_is_asked_for_is_the_only_one(careless, cli):
    facts = json.loads(cli("inspect", careless, "--split", "test", "--json").out)["facts"]
    assert facts["samples"] == "2 (test split)"
    assert "train" not in facts
    assert_error(cli("inspect", careless, "--split", "val"), "has no val split: it has train, test")


def test_what_was_settled_is_recorded_and_holds_for_the_test_set(careless, cli, here):
    shutil.rmtree(here / "photos" / "test" / "fox")
    for broken in ("2.jpg", "3.png"):
        (here / "photos" / "train" / "dog" / broken).unlink()
    assert cli("embed", careless, "--dim", "2").code == 0
    header = json.loads(cli("inspect", "photos-pca-2d.safetensors", "--json").out)["header"]["dataset"]
    assert (header["image_size"], header["channels"]) == (64, 3)
    result = cli("train", careless, "--epochs", "1", "--policy", "random", "--keep", "2")
    assert result.code == 0
    header = json.loads(cli("inspect", result.last, "--json").out)["header"]["dataset"]
    assert (header["image_size"], header["channels"]) == (64, 3)
