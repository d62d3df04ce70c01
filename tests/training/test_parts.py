"""Parts of images: cut out of the file as it is stored, scaled as PIL does, alike from wherever they come."""

import numpy as np
import pytest
from helpers.pictures import encoded, write
from PIL import Image

from curate.data.dataset import Options, open_dataset
from curate.data.images import MappedImages
from curate.training.parts import Parts


@pytest.fixture
def photos(here):
    """Pictures of several sizes: smooth, so that a scaled decoding is near to a full one."""
    for number in range(12):
        height, width = 90 + 17 * (number % 3), 120 - 13 * (number % 4)
        ys, xs = np.mgrid[:height, :width]
        image = np.stack([ys * 2, xs * 2, (xs + ys)], axis=2).astype(np.float64) * 0.9
        kind = "PNG" if number % 2 else "JPEG"
        write(here / "photos" / f"{number:02}.{kind.lower()}", encoded(image.astype(np.uint8), kind))
    return here / "photos"


def middles(images):
    sides = images.sides(np.arange(len(images)))
    return np.stack([sides[:, 0] // 4, sides[:, 1] // 3, sides[:, 0] // 2, sides[:, 1] // 2], axis=1)


@pytest.mark.parametrize("size", [(16, 24), (8, 8), (60, 70)])
def test_a_part_is_cut_out_of_the_file_and_scaled(photos, size):
    images = open_dataset("photos", Options("all", stream=True)).images
    boxes = middles(images)
    parts = Parts(images).cut(np.arange(12), boxes, size).numpy()
    assert parts.shape == (12, 3, *size)
    for row, (top, left, height, width) in enumerate(boxes.tolist()):
        image = Image.open(sorted(photos.iterdir())[row]).convert("RGB")
        assert image.size[::-1] == tuple(images.sides(np.array([row]))[0])
        part = image.crop((left, top, left + width, top + height)).resize(
            size[::-1], Image.Resampling.BILINEAR
        )
        difference = np.abs(np.asarray(part).transpose(2, 0, 1).astype(int) - parts[row])
        if row % 2:  # a PNG is decoded whole
            assert difference.max() <= 1
        else:
            assert np.median(difference) <= 5  # cut at whole pixels of a quarter: two off, at 1.8 a pixel


def test_grey_images_and_parts_of_the_very_size(here):
    chance = np.random.default_rng(0)
    for number in range(3):
        pixels = chance.integers(0, 256, (20, 30), dtype=np.uint8)
        Image.fromarray(pixels).save(f"{number}.png")
    images = open_dataset(".", Options("all", stream=True)).images
    box = np.tile(np.array([5, 2, 12, 9], np.int32), (3, 1))
    parts = Parts(images).cut(np.arange(3), box, (12, 9))
    assert parts.shape == (3, 1, 12, 9)
    assert np.array_equal(parts[2, 0], np.asarray(Image.open("2.png"))[5:17, 2:11])


def test_views_memory_and_maps_cut_alike(photos):
    streamed = open_dataset("photos", Options("all", image_size=64, stream=True))
    held = open_dataset("photos", Options("all", image_size=64)).images
    mapped = MappedImages(held.read(np.arange(12)))
    box = np.array([[3, 4, 50, 40]] * 2, np.int32)
    one = Parts(held).cut(np.array([4, 2]), box, (8, 8))
    assert np.array_equal(one, Parts(mapped).cut(np.array([4, 2]), box, (8, 8)))
    assert held.sides(np.arange(2)).tolist() == [[64, 64]] * 2
    whole, view = streamed.images, streamed.take(np.array([4, 2])).images
    there = Parts(whole).cut(np.array([4, 2]), box, (8, 8))
    assert np.array_equal(there, Parts(view).cut(np.array([0, 1]), box, (8, 8)))
    assert Parts(view).cut(np.array([], int), box[:0], (8, 8)).shape == (0, 3, 8, 8)


def test_a_part_at_the_very_edge_has_a_pixel(photos):
    images = open_dataset("photos", Options("all", stream=True)).images
    sides = images.sides(np.arange(12))
    edges = np.stack([sides[:, 0] - 1, sides[:, 1] - 1, np.ones(12), np.ones(12)], axis=1).astype(np.int32)
    assert Parts(images).cut(np.arange(12), edges, (4, 4)).shape == (12, 3, 4, 4)
