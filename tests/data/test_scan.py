"""One pass over the samples of a source: what it knows them by, what it holds, skips and refuses."""

import hashlib

import numpy as np
import pytest
from helpers.pictures import encoded, noise, uid_by_hand

from curate.data.decoding import CorruptImageError, Target, bring_to
from curate.data.images import ResidentImages
from curate.data.scan import read_all
from curate.data.source import Samples, from_array
from curate.errors import CurateError
from curate.progress import LOGGED


def scanned(contents, target=Target(), skip_corrupt=False, limit=10**9):
    samples = Samples(len(contents), contents.__getitem__, "image {}".format, None, [], "all")
    found = read_all(samples, target, skip_corrupt, limit, LOGGED)
    return found.rows, found.uids, found.images, found.skipped


def test_pixels_at_hand_are_taken_as_they_are():
    pixels = noise(5, 4, 3)
    found = read_all(from_array(pixels, None, [], "all", "x"), Target(), False, 0, LOGGED)
    assert (found.rows.tolist(), found.skipped) == ([0, 1, 2, 3, 4], [])
    assert found.uids.tolist() == [uid_by_hand(image) for image in pixels]
    assert np.shares_memory(found.images.array, pixels)


@pytest.mark.parametrize("limit", [0, 3 * 4 * 5 - 1, 3 * 4 * 5])
def test_pixels_are_held_where_they_fit_and_are_the_same_where_they_do_not(limit):
    pixels = noise(3, 4, 5)
    _, uids, images, _ = scanned([encoded(image) for image in pixels], limit=limit)
    assert isinstance(images, ResidentImages) == (limit == 60)
    assert (images.read(np.array([2, 0]))[..., 0] == pixels[[2, 0]]).all()
    assert uids.tolist() == [uid_by_hand(image) for image in pixels]


def test_a_sample_is_known_by_what_is_stored_and_not_by_what_it_is_brought_to():
    pixels, lossy = noise(1, 4, 4)[0], encoded(noise(4, 4), "JPEG")
    _, uids, images, _ = scanned([encoded(pixels), lossy], Target(channels=3))
    by_hand = int.from_bytes(hashlib.blake2b(b"encoded " + lossy, digest_size=8).digest(), "little")
    assert uids.tolist() == [uid_by_hand(pixels), by_hand]
    assert (images.read(np.array([0]))[0] == pixels[..., None]).all()
    assert images.shape == (4, 4, 3)


@pytest.mark.parametrize("limit", [0, 10**9])
def test_what_cannot_be_read_is_refused_or_skipped_by_name(limit):
    pixels = noise(3, 4, 4)
    contents = [encoded(pixels[0]), b"no image", encoded(pixels[1]), encoded(pixels[2])[:50]]
    with pytest.raises(CorruptImageError, match="image 1 is not a readable image"):
        scanned(contents, limit=limit)
    rows, uids, images, skipped = scanned(contents, skip_corrupt=True, limit=limit)
    assert (rows.tolist(), skipped) == ([0, 2], ["image 1", "image 3"])
    assert uids.tolist() == [uid_by_hand(image) for image in pixels[:2]]
    assert (images.read(np.array([0, 1]))[..., 0] == pixels[:2]).all()
    with pytest.raises(
        CurateError, match="none of the 2 images could be read: image 0 is not a readable image"
    ):
        scanned([b"no", b"neither"], skip_corrupt=True, limit=limit)


@pytest.mark.parametrize("limit", [0, 10**9])
def test_a_few_are_skipped_where_nobody_says_otherwise_and_all_of_those_there_are(limit):
    """One has both its ends and a broken middle: only decoding finds it, once another has been found."""
    whole = [encoded(image, "JPEG") for image in noise(38, 40, 40)]
    broken = bytearray(whole[0])
    broken[150:-2] = bytes(len(broken) - 152)
    contents = [*whole, b"no image", bytes(broken)]
    rows, _, images, skipped = scanned(contents, skip_corrupt=None, limit=limit)
    assert (rows.tolist(), skipped) == (list(range(38)), ["image 38", "image 39"])
    assert images.shape == (40, 40, 1)
    with pytest.raises(CorruptImageError, match=r"image 38 is not a readable image"):
        scanned(contents[:-1], skip_corrupt=False, limit=limit)
    with pytest.raises(CorruptImageError, match="2 of 39 images cannot be read"):
        scanned(contents[1:], skip_corrupt=None, limit=limit)


@pytest.mark.parametrize("limit", [0, 10**9])
@pytest.mark.parametrize(
    ("shapes", "target", "shape", "settled", "notes"),
    [
        (
            [(4, 4), (4, 4), (4, 4, 3)],
            Target(),
            (4, 4, 3),
            Target(channels=3),
            [
                "2 of 3 images are grey, the others colour (such as image 2): all are read as colour; "
                "--channels 1 makes all grey"
            ],
        ),
        ([(4, 4), (4, 4), (4, 4, 3)], Target(channels=1), (4, 4, 1), Target(channels=1), []),
        ([(4, 4), (4, 4, 4), (4, 4, 3)], Target(2, 3), (2, 2, 3), Target(2, 3), []),
        (
            [(4, 5), (4, 4), (6, 4)],
            Target(),
            (16, 16, 1),
            Target(16),
            [
                "the images differ in size, from 4 x 4 to 5 x 6 pixels: all are brought to 16 x 16; "
                "--image-size takes another number"
            ],
        ),
        (
            [(40, 50), (70, 80, 3), (31, 70)],
            Target(),
            (32, 32, 3),
            Target(32, 3),
            ["2 of 3 images are grey", "the images differ"],
        ),
        ([(64, 99), (70, 65), (10, 10)], Target(), (64, 64, 1), Target(64), ["the images differ in size"]),
        ([(64, 99), (70, 65), (10, 10)], Target(8), (8, 8, 1), Target(8), []),
    ],
)
def test_images_of_several_shapes_are_brought_to_one_and_it_is_said(
    shapes, target, shape, settled, notes, limit
):
    pixels = [noise(*each) for each in shapes]
    contents = [encoded(image) for image in pixels]
    samples = Samples(len(contents), contents.__getitem__, "image {}".format, None, [], "all")
    found = read_all(samples, target, False, limit, LOGGED)
    assert found.images.shape == shape
    assert found.target == settled
    assert len(found.notes) == len(notes)
    assert all(said.startswith(note) for said, note in zip(found.notes, notes, strict=True))
    assert isinstance(found.images, ResidentImages) == bool(limit)
    whole = [image if image.ndim == 3 else image[..., None] for image in pixels]
    brought = [bring_to(image, Target(shape[0], shape[2])) for image in whole]
    assert (found.images.read(np.arange(3)) == np.stack(brought)).all()
    assert found.uids.tolist() == [uid_by_hand(image) for image in pixels]


@pytest.mark.parametrize("limit", [0, 10**9])
def test_all_that_cannot_be_read_is_said_at_once(limit):
    whole, cut = encoded(noise(40, 40), "JPEG"), encoded(noise(40, 30), "JPEG")[:-200]
    contents = [whole, b"no image", cut, encoded(noise(9, 9)), b"neither", b"nor this"]
    with pytest.raises(
        CorruptImageError,
        match=r"^4 of 6 images cannot be read, such as image 1, image 2, image 4: mend them, or leave them "
        r"out with --skip-corrupt \(image 1 is not a readable image",
    ):
        scanned(contents, limit=limit)
    rows, _, images, skipped = scanned(contents, skip_corrupt=True, limit=limit)
    assert rows.tolist() == [0, 3]
    assert images.shape == (16, 16, 1)
    assert skipped == ["image 1", "image 2", "image 4", "image 5"]
