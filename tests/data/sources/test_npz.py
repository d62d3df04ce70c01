""".npz files: their arrays, labels and splits, and what is said when something is wrong."""

from pathlib import Path

import numpy as np
import pytest
from helpers.pictures import ALL, noise, pixels_of

from curate.data.dataset import Options, open_dataset
from curate.errors import CurateError

SIX_LABELS = [2, 0, 1, 1, 0, 2]


def npz(folder: Path, **arrays: object) -> str:
    np.savez(folder / "a.npz", **arrays)
    return str(folder / "a.npz")


X, Y = noise(6, 4, 5), np.array(SIX_LABELS)


@pytest.mark.parametrize(
    "arrays",
    [
        {"x_train": X[:4], "y_train": Y[:4], "x_test": X[4:], "y_test": Y[4:]},
        {
            "train_images": X[:4],
            "train_labels": Y[:4, None],
            "val_images": X[:1],
            "val_labels": Y[:1, None],
            "test_images": X[4:],
            "test_labels": Y[4:, None],
        },
    ],
    ids=["keras", "medmnist"],
)
def test_npz_has_splits_in_both_spellings(tmp_path, arrays):
    path = npz(tmp_path, **arrays)
    train, test = (open_dataset(path, Options(split=split)) for split in ("train", "test"))
    assert np.array_equal(pixels_of(train)[..., 0], X[:4])
    assert np.array_equal(pixels_of(test)[..., 0], X[4:])
    assert train.labels.tolist() == SIX_LABELS[:4]
    assert test.labels.tolist() == SIX_LABELS[4:]
    assert train.classes == test.classes == ["0", "1", "2"]
    everything = open_dataset(path, ALL)
    assert everything.labels.tolist() == [
        *SIX_LABELS[:4],
        *([2] if "val_images" in arrays else []),
        *SIX_LABELS[4:],
    ]


@pytest.mark.parametrize(("images", "labels"), [("x", "y"), ("images", "labels"), ("data", "targets")])
def test_npz_without_splits(tmp_path, images, labels):
    dataset = open_dataset(npz(tmp_path, **{images: X, labels: Y}), ALL)
    assert np.array_equal(pixels_of(dataset)[..., 0], X)
    assert dataset.labels.tolist() == SIX_LABELS


def test_npz_of_colour_images(tmp_path):
    dataset = open_dataset(npz(tmp_path, x=noise(6, 4, 5, 3), y=Y), ALL)
    assert np.array_equal(pixels_of(dataset), noise(6, 4, 5, 3))


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_npz_of_floats_from_0_to_1_has_values_from_0_to_255(tmp_path, dtype):
    levels = np.array([0, 0.25, 0.5, 1], dtype).reshape(1, 2, 2)
    assert pixels_of(open_dataset(npz(tmp_path, x=levels), ALL)).ravel().tolist() == [0, 64, 128, 255]


def test_npz_of_floats_has_the_uids_of_the_same_bytes(tmp_path):
    from_bytes = open_dataset(npz(tmp_path, x=X), ALL).uids.tolist()
    assert open_dataset(npz(tmp_path, x=(X / 255).astype(np.float32)), ALL).uids.tolist() == from_bytes


@pytest.mark.parametrize("wrong", [-0.1, 1.1, 255.0, np.nan, np.inf])
def test_npz_of_floats_outside_0_to_1(tmp_path, wrong):
    with pytest.raises(
        CurateError, match=r"^array x has values outside 0 to 1: scale the images, or store uint8$"
    ):
        open_dataset(npz(tmp_path, x=np.full((2, 3, 3), wrong)))


@pytest.mark.parametrize(
    ("arrays", "error"),
    [
        ({"x": X.reshape(6, 20)}, r"^array x has shape \(6, 20\): use \[n, h, w\] or \[n, h, w, 1 or 3\]$"),
        (
            {"x": noise(6, 4, 5, 2)},
            r"^array x has shape \(6, 4, 5, 2\): use \[n, h, w\] or \[n, h, w, 1 or 3\]$",
        ),
        ({"x": X.astype(int)}, r"^array x is int64: store images as uint8, or as floats from 0 to 1$"),
        ({"x": X, "y": Y[:4]}, r"a\.npz has 6 images and 4 labels$"),
        ({"x": X, "y": np.eye(6)}, r"^array y is float64 \(6, 6\): store labels as integers \[n\]$"),
        ({"x": X, "y": Y / 2}, r"^array y is float64 \(6,\): store labels as integers \[n\]$"),
        ({"x": X, "y": np.int64(3)}, r"y is a single int64 \(\)"),
        ({"x": X, "y": Y - 1}, r"a\.npz: sample 1 has label -1, use labels 0 to 1 \(2 classes\)$"),
        (
            {"a": X, "b": Y},
            r"a\.npz has no images: its arrays are a, b; call one x or images, or, if they are vectors, ",
        ),
        (
            {"x": np.array([None, "a"], object)},
            r"a\.npz is not a readable \.npz file of plain arrays \(.*\): save it anew$",
        ),
        (
            {"x": X, "y": np.array([None] * 6, object)},
            r"a\.npz is not a readable \.npz file of plain arrays \(.*\): save it anew$",
        ),
        ({"x_test": X}, r"a\.npz has no train split: it has test$"),
        ({"x": X[:0]}, r"a\.npz has no samples in its train split$"),
        ({"x": X[:0] / 255}, r"a\.npz has no samples in its train split$"),
        ({"x": X[:0], "y": Y[:0]}, r"a\.npz has no samples in its train split$"),
    ],
    ids=lambda value: (
        None if isinstance(value, str) else " ".join(f"{k}{np.shape(v)}" for k, v in value.items())
    ),
)
def test_npz_that_is_not_right(tmp_path, arrays, error):
    with pytest.raises(CurateError, match=error):
        open_dataset(npz(tmp_path, **arrays))


def test_npz_splits_of_different_sizes_are_told_from_a_damaged_file(tmp_path):
    path = npz(tmp_path, x_train=X, x_test=X[:, :3])
    with pytest.raises(CurateError) as problem:
        open_dataset(path, ALL)
    assert "readable" not in str(problem.value)


def test_npz_without_labels_says_what_to_do(tmp_path):
    dataset = open_dataset(npz(tmp_path, x=X), ALL)
    with pytest.raises(CurateError, match=r"a\.npz has no labels and training needs them\. \S"):
        dataset.need_labels("training")


def altered(content: bytes, *places: int) -> bytes:
    changed = bytearray(content)
    for place in places:
        changed[place] ^= 0xFF
    return bytes(changed)


@pytest.mark.parametrize("kind", ["truncated", "checksum", "compressed", "array", "text"])
def test_npz_that_cannot_be_read(tmp_path, kind):
    path = tmp_path / "a.npz"
    npz(tmp_path, x=X, y=Y)
    if kind == "truncated":
        path.write_bytes(path.read_bytes()[:200])
    elif kind == "checksum":
        path.write_bytes(altered(path.read_bytes(), 200))
    elif kind == "compressed":
        np.savez_compressed(path, x=X)
        path.write_bytes(altered(path.read_bytes(), *range(80, 120)))
    elif kind == "array":
        with path.open("wb") as file:
            np.save(file, X)
    else:
        path.write_bytes(b"no zip at all")
    with pytest.raises(CurateError, match=r"a\.npz is not a readable \.npz file"):
        open_dataset(str(path))
