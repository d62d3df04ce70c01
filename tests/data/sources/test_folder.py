"""Folders of class folders: what is read, how splits are found, and images that are damaged or unlike."""

import io
import struct
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from helpers.pictures import ALL, noise, pixels_of, png, write
from PIL import Image

from curate.data.dataset import Options, open_dataset
from curate.data.source import NoSplitError
from curate.errors import CurateError

PNG_HEADER_OF_2_5_GIGAPIXELS = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + struct.pack(
    ">IIBBBBB", 50_000, 50_000, 8, 0, 0, 0, 0
)


def folder(top: Path, contents: Mapping[str, bytes]) -> str:
    for path, content in contents.items():
        write(top / path, content)
    return str(top)


def test_folder_classes_are_sorted_folder_names_and_files_are_sorted(tmp_path):
    images = {"dog/1.png": png(4, 5), "cat/b.PNG": png(4, 5, seed=1), "cat/a/z.png": png(4, 5, seed=2)}
    dataset = open_dataset(folder(tmp_path, images), ALL)
    assert dataset.classes == ["cat", "dog"]
    assert dataset.labels.tolist() == [0, 0, 1]
    expected = np.stack([noise(4, 5, seed=seed) for seed in (2, 1, 0)])
    assert np.array_equal(pixels_of(dataset)[..., 0], expected)


def test_folder_ignores_other_files_and_hidden_ones(tmp_path):
    contents = {
        "cat/1.png": png(4, 5),
        "cat/notes.txt": b"a",
        "cat/.2.png": b"a",
        ".cache/x/1.png": b"a",
        "README.md": b"a",
    }
    dataset = open_dataset(folder(tmp_path, contents), ALL)
    assert (len(dataset), dataset.classes) == (1, ["cat"])


@pytest.mark.parametrize("names", [("train", "val", "test"), ("Training", "validation", "testing")])
def test_folder_has_splits_by_folder_name(tmp_path, names):
    contents = {f"{name}/cat/1.png": png(4, 5, seed=row) for row, name in enumerate(names)}
    path = folder(tmp_path, {**contents, f"{names[2]}/dog/1.png": png(4, 5, seed=3)})
    seeds = {"train": [0], "val": [1], "test": [2, 3], "all": [0, 1, 2, 3]}
    for split, expected in seeds.items():
        dataset = open_dataset(path, Options(split=split))
        assert np.array_equal(pixels_of(dataset)[..., 0], [noise(4, 5, seed=seed) for seed in expected])
        assert dataset.classes == ["cat", "dog"]
    assert open_dataset(path, Options(split="test")).labels.tolist() == [0, 1]


def test_folder_without_a_test_split_gives_val(tmp_path):
    path = folder(tmp_path, {"train/cat/1.png": png(4, 5), "val/cat/1.png": png(4, 5, seed=1)})
    assert np.array_equal(
        pixels_of(open_dataset(path, Options(split="test")))[0, ..., 0], noise(4, 5, seed=1)
    )


def test_folder_with_train_alone_has_no_test_split(tmp_path):
    path = folder(tmp_path, {"train/cat/1.png": png(4, 5)})
    with pytest.raises(NoSplitError, match=r"has no test split: it has train; name a test set with --test$"):
        open_dataset(path, Options(split="test"))


def test_a_class_called_train_beside_others_is_a_class(tmp_path):
    dataset = open_dataset(folder(tmp_path, {"train/1.png": png(4, 5), "plane/1.png": png(4, 5)}), ALL)
    assert dataset.classes == ["plane", "train"]


def test_an_empty_class_folder_is_an_error(tmp_path):
    path = folder(tmp_path, {"cat/1.png": png(4, 5), "dog/notes.txt": b"a"})
    with pytest.raises(CurateError, match=r"dog has no images: add some, or remove the class folder$"):
        open_dataset(path)


def test_a_folder_without_classes_gives_no_labels(tmp_path):
    dataset = open_dataset(folder(tmp_path, {"1.png": png(4, 5), "2.png": png(4, 5)}), ALL)
    assert dataset.labels is None
    assert dataset.classes == []
    with pytest.raises(
        CurateError, match=r"has no labels and training needs them\. Put the images of .* into one "
    ):
        dataset.need_labels("training")


def test_a_folder_without_images(tmp_path):
    with pytest.raises(CurateError, match=r"has no images \(\.avif, \.bmp, \.gif, \.jfif, .*\.webp\)$"):
        open_dataset(folder(tmp_path, {"notes.txt": b"a"}))


DAMAGED = {
    "truncated": png(16, 16)[:200],
    "rubbish": b"no image at all",
    "nothing": b"",
    "huge": PNG_HEADER_OF_2_5_GIGAPIXELS,
}


@pytest.mark.parametrize("content", DAMAGED.values(), ids=DAMAGED)
@pytest.mark.parametrize("stream", [False, True])
def test_a_damaged_file_is_named(tmp_path, content, stream):
    path = folder(tmp_path, {"cat/1.png": png(16, 16), "cat/2.png": content})
    with pytest.raises(CurateError, match=r"cat/2\.png is .*--skip-corrupt$"):
        open_dataset(path, Options("all", stream=stream))


@pytest.mark.parametrize("stream", [False, True])
def test_damaged_files_are_skipped_and_listed(tmp_path, stream):
    contents = {f"cat/{row}.png": content for row, content in enumerate(DAMAGED.values())}
    contents |= {"cat/9.png": png(16, 16), "dog/1.png": png(16, 16, seed=1)}
    dataset = open_dataset(folder(tmp_path, contents), Options("all", skip_corrupt=True, stream=stream))
    assert dataset.labels.tolist() == [0, 1]
    assert np.array_equal(pixels_of(dataset)[..., 0], [noise(16, 16), noise(16, 16, seed=1)])
    assert dataset.skipped == [str(tmp_path / f"cat/{row}.png") for row in range(4)]
    assert dataset.header().skipped == dataset.skipped


def test_a_file_with_a_colon_in_its_name_is_listed_in_full(tmp_path):
    path = folder(tmp_path, {"cat/1.png": png(4, 4), "cat/at 12: 30.png": b"rubbish"})
    [skipped] = open_dataset(path, Options("all", skip_corrupt=True)).skipped
    assert "at 12: 30.png" in skipped


def test_what_was_skipped_is_written_alike_at_every_opening(tmp_path):
    path = folder(tmp_path, {"cat/1.png": png(4, 4), "cat/2.png": b"rubbish"})
    [skipped] = open_dataset(path, Options("all", skip_corrupt=True)).skipped
    assert " at 0x" not in skipped


def test_nothing_is_left_when_all_files_are_damaged(tmp_path):
    path = folder(tmp_path, {"cat/1.png": b"a", "cat/2.png": b"a"})
    with pytest.raises(
        CurateError, match=r"^none of the 2 images could be read: .*cat/1\.png is not a readable image"
    ):
        open_dataset(path, Options(skip_corrupt=True))


def test_a_jpeg_that_was_cut_off_is_named_when_it_is_opened_and_when_it_is_read(tmp_path):
    buffer = io.BytesIO()
    Image.fromarray(noise(32, 32)).save(buffer, "JPEG")
    path = folder(tmp_path, {"cat/1.jpg": buffer.getvalue(), "cat/2.jpg": buffer.getvalue()})
    dataset = open_dataset(path, Options("all", stream=True))
    (tmp_path / "cat" / "1.jpg").write_bytes(buffer.getvalue()[:-200])
    with pytest.raises(CurateError, match=r"cat/1\.jpg has changed since the dataset was opened"):
        dataset.images.read(np.array([0]))
    with pytest.raises(CurateError, match=r"cat/1\.jpg is not a readable image .*--skip-corrupt$"):
        open_dataset(path, Options("all", stream=True))
    assert len(open_dataset(path, Options("all", stream=True, skip_corrupt=True))) == 1


@pytest.mark.parametrize("stream", [False, True])
def test_grey_among_colour_is_read_as_colour_and_recorded(tmp_path, stream):
    contents = {"cat/1.png": png(4, 5, 3), "cat/2.png": png(4, 5), "cat/3.png": png(4, 5, 3)}
    path = folder(tmp_path, contents)
    dataset = open_dataset(path, Options("all", stream=stream))
    assert pixels_of(dataset).shape == (3, 4, 5, 3)
    assert dataset.header().channels == 3
    for channels in (1, 3):
        dataset = open_dataset(path, Options("all", channels=channels, stream=stream))
        assert pixels_of(dataset).shape == (3, 4, 5, channels)
    assert np.array_equal(pixels_of(dataset)[0], noise(4, 5, 3))


@pytest.mark.parametrize("stream", [False, True])
def test_different_sizes_are_brought_to_one_and_recorded(tmp_path, stream):
    path = folder(tmp_path, {"cat/1.png": png(4, 5), "cat/2.png": png(6, 3)})
    dataset = open_dataset(path, Options("all", stream=stream))
    assert pixels_of(dataset).shape == (2, 16, 16, 1)
    assert dataset.header().image_size == 16
    dataset = open_dataset(path, Options("all", image_size=4, stream=stream))
    assert pixels_of(dataset).shape == (2, 4, 4, 1)
    assert np.array_equal(pixels_of(dataset)[0, ..., 0], noise(4, 5)[:, :4])
