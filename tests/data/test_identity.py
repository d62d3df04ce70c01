"""What a sample is known by: uids, occurrences of equal ones, and the fingerprint of a dataset."""

import hashlib
from collections import defaultdict

import numpy as np
import pytest
from helpers.pictures import ALL, fingerprint_by_hand, noise, npz, uid_by_hand
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.data.dataset import Options, open_dataset
from curate.data.identity import bring, fingerprint, match, occurrences, uid_of
from curate.errors import MismatchError

FEW_UIDS = st.lists(st.integers(0, 5), max_size=12)


def occurrences_by_hand(uids: list[int]) -> list[int]:
    return [uids[:row].count(uid) for row, uid in enumerate(uids)]


def match_by_hand(wanted: list[int], present: list[int]) -> list[int]:
    rows = defaultdict(list)
    for row, uid in enumerate(present):
        rows[uid].append(row)
    return [rows[uid].pop(0) if rows[uid] else -1 for uid in wanted]


def as_uids(values: list[int]) -> np.ndarray:
    return np.array(values, np.uint64)


def test_a_uid_is_a_hash_of_pixels_with_their_shape_and_type():
    for pixels in (noise(3, 4, 1), noise(4, 3, 3), noise(3, 4, 1).astype(np.uint16)):
        assert uid_of(b"", pixels) == uid_by_hand(pixels)


def test_a_uid_of_a_lossy_file_is_a_hash_of_its_bytes():
    digest = hashlib.blake2b(b"encoded " + b"\xff\xd8\xff...", digest_size=8).digest()
    assert uid_of(b"\xff\xd8\xff...", None) == int.from_bytes(digest, "little")


def test_equal_bytes_in_another_shape_have_another_uid():
    pixels = noise(4, 6, 1)
    shapes = [(4, 6, 1), (6, 4, 1), (2, 12, 1), (4, 2, 3), (2, 4, 3)]
    assert len({uid_of(b"", pixels.reshape(shape)) for shape in shapes}) == len(shapes)


def test_a_uid_does_not_depend_on_how_pixels_lie_in_memory():
    pixels = noise(8, 8, 3)
    assert uid_of(b"", pixels[::2, 1::2, ::-1]) == uid_by_hand(pixels[::2, 1::2, ::-1].copy())


def test_uids_of_digits_are_those_worked_by_hand():
    from sklearn.datasets import load_digits

    pixels = np.rint(load_digits().images * 255 / 16).astype(np.uint8)
    assert open_dataset("digits", ALL).uids.tolist() == [uid_by_hand(image) for image in pixels]


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2**64 - 1), st.integers(0, 2**31)), max_size=8), st.booleans())
def test_a_fingerprint_is_a_hash_of_uids_and_labels_in_order(samples, labelled):
    uids = [uid for uid, _ in samples]
    labels = [label for _, label in samples] if labelled else None
    given_labels = None if labels is None else np.array(labels, np.int64)
    assert fingerprint(as_uids(uids), given_labels) == fingerprint_by_hand(uids, labels)


def test_a_dataset_has_the_fingerprint_of_its_uids_and_labels(tmp_path):
    images = noise(6, 4, 4)
    dataset = open_dataset(npz(tmp_path / "a.npz", images, [0, 1, 2, 0, 1, 2]), ALL)
    assert dataset.fingerprint == fingerprint_by_hand([uid_by_hand(i) for i in images], [0, 1, 2, 0, 1, 2])


def test_order_and_labels_are_in_the_fingerprint(tmp_path):
    images = noise(4, 4, 4)
    variants = [
        npz(tmp_path / "a.npz", images, [0, 1, 1, 0]),
        npz(tmp_path / "b.npz", images, [0, 1, 0, 1]),
        npz(tmp_path / "c.npz", images[::-1], [0, 1, 1, 0]),
        npz(tmp_path / "d.npz", images),
    ]
    assert len({open_dataset(path, ALL).fingerprint for path in variants}) == 4


@settings(max_examples=60, deadline=None)
@given(FEW_UIDS)
def test_an_occurrence_counts_the_equal_uids_before(uids):
    assert occurrences(as_uids(uids)).tolist() == occurrences_by_hand(uids)


@settings(max_examples=100, deadline=None)
@given(FEW_UIDS, FEW_UIDS.filter(len))
def test_match_finds_the_rows_that_a_dictionary_finds(wanted, present):
    assert match(as_uids(wanted), as_uids(present)).tolist() == match_by_hand(wanted, present)


def test_match_tells_uids_apart_beyond_the_precision_of_floats():
    large = 2**63 + 1
    assert match(as_uids([large, large + 2]), as_uids([large + 1, large + 2, large])).tolist() == [2, 1]


def test_match_finds_nothing_among_nothing():
    assert match(as_uids([]), as_uids([])).tolist() == []
    assert match(as_uids([1, 1]), as_uids([])).tolist() == [-1, -1]


def test_equal_images_have_equal_uids_and_are_told_apart_by_occurrence(tmp_path):
    images = noise(3, 4, 4)[[0, 1, 0, 2, 0]]
    uids = open_dataset(npz(tmp_path / "a.npz", images), ALL).uids
    assert len(set(uids.tolist())) == 3
    assert occurrences(uids).tolist() == [0, 0, 1, 0, 2]
    assert match(uids, uids).tolist() == [0, 1, 2, 3, 4]
    assert match(uids, uids[[4, 3, 2]]).tolist() == [0, -1, 2, 1, -1]


def test_uids_do_not_depend_on_size_and_channels(tmp_path):
    path = npz(tmp_path / "a.npz", noise(6, 9, 7, 3))
    plain = open_dataset(path, ALL)
    for options in (Options("all", image_size=5), Options("all", channels=1), Options("all", 4, 1)):
        changed = open_dataset(path, options)
        assert changed.fingerprint == plain.fingerprint
        assert changed.images.shape == (
            options.image_size or 9,
            options.image_size or 7,
            options.channels or 3,
        )


@given(FEW_UIDS, FEW_UIDS, st.lists(st.booleans(), min_size=12, max_size=12))
def test_bringing_values_to_another_copy_finds_the_same_sample_or_complains(wanted, present, needed):
    missing_by_hand = [row < 0 for row in match_by_hand(wanted, present)]
    needed = needed[: len(wanted)]
    asked = [np.array(uids, np.uint64) for uids in (wanted, present)]
    complaints = []

    def complaint(missing):
        complaints.append(missing.tolist())
        return f"{missing.sum()} are missing"

    expected = [gone and must for gone, must in zip(missing_by_hand, needed, strict=True)]
    if any(expected):
        with pytest.raises(MismatchError, match=f"^{sum(expected)} are missing$"):
            bring(*asked, np.array(needed, np.bool_), complaint=complaint)
        assert complaints == [expected]
    else:
        rows = bring(*asked, np.array(needed, np.bool_), complaint=complaint)
        assert rows.tolist() == match_by_hand(wanted, present)
        assert complaints == []
