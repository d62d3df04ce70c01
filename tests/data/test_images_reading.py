"""Images read by row, encoded or resident, whole or as a view."""

import numpy as np
import pytest
from helpers.pictures import encoded, noise

from curate.data.decoding import Target, workers_for
from curate.data.images import EncodedImages, ResidentImages, view
from curate.errors import CurateError
from curate.world import cores


def test_tiny_images_and_arrays_are_decoded_by_one_thread():
    assert workers_for(0) == workers_for(8_191) == 1
    assert workers_for(8_192) == cores()


def encoded_images(contents: list[bytes], shape: tuple[int, int, int], target: Target) -> EncodedImages:
    rows = np.arange(len(contents))
    sides = np.tile(np.array(shape[:2], np.int32), (len(rows), 1))
    return EncodedImages(contents.__getitem__, lambda row: f"cat[{row}]", rows, shape, target, sides)


def test_encoded_images_are_read_in_the_order_asked_for():
    pixels = noise(5, 6, 7, 3)
    images = encoded_images([encoded(image, "PNG") for image in pixels], (6, 7, 3), Target())
    assert len(images) == 5
    assert np.array_equal(images.read(np.array([3, 0, 3])), pixels[[3, 0, 3]])
    assert images.read(np.array([], int)).shape == (0, 6, 7, 3)


def test_views_of_encoded_and_of_resident_images_agree():
    pixels = noise(6, 4, 4, 1)
    streamed = encoded_images([encoded(image[..., 0], "PNG") for image in pixels], (4, 4, 1), Target())
    for images in (ResidentImages(pixels), streamed):
        seen = view(view(images, np.array([5, 3, 1])), np.array([2, 0]))
        assert len(seen) == 2
        assert seen.shape == (4, 4, 1)
        assert np.array_equal(seen.read(np.array([1, 0])), pixels[[5, 1]])


def test_reading_resident_images_gives_a_copy():
    pixels = noise(3, 4, 4, 1)
    before = pixels.copy()
    ResidentImages(pixels).read(np.array([0, 1]))[:] = 0
    assert np.array_equal(pixels, before)


def test_an_image_that_changed_its_shape_since_is_an_error(tmp_path):
    file = tmp_path / "cat.png"
    file.write_bytes(encoded(noise(6, 6), "PNG"))
    sides = np.array([[6, 6]], np.int32)
    images = EncodedImages(
        lambda _: file.read_bytes(), lambda _: "cat.png", np.arange(1), (6, 6, 1), Target(), sides
    )
    file.write_bytes(encoded(noise(6, 7), "PNG"))
    with pytest.raises(
        CurateError, match=r"^cat\.png has changed since the dataset was opened: open it anew$"
    ):
        images.read(np.array([0]))
