"""One dataset in several formats, and streamed as well as held in memory, is the same dataset."""

import struct
from pathlib import Path

import numpy as np
import pytest
from helpers.hub_server import dataset_file
from helpers.pictures import ALL, encoded, fingerprint_by_hand, noise, npz, uid_by_hand

from curate.data.dataset import Dataset, Options, open_dataset
from curate.data.identity import match, uid_of
from curate.data.images import EncodedImages, ResidentImages
from curate.data.source import NoSplitError

DIGIT_NAMES = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]


def idx(images: np.ndarray, labels: list[int]) -> tuple[bytes, bytes]:
    """Images and labels in the two files that MNIST comes in."""
    return (
        struct.pack(">IIII", 0x0803, *images.shape) + images.tobytes(),
        struct.pack(">II", 0x0801, len(labels)) + bytes(labels),
    )


class Mnist:
    """The same 60 + 20 images as MNIST's own files, as PNGs in Parquet and as folders of PNGs."""

    def __init__(self, folder: Path) -> None:
        self.images = {"train": noise(60, 28, 28), "test": noise(20, 28, 28, seed=1)}
        self.images["train"][7] = self.images["train"][3]
        self.labels = {
            split: [row * 7 % 10 for row in range(len(self.images[split]))] for split in self.images
        }
        self.labels["train"][7] = self.labels["train"][3]
        self.root, self.parquet, self.folder = folder / "root", folder / "hub", folder / "folder"
        raw = self.root / "MNIST" / "raw"
        for made in (raw, self.parquet):
            made.mkdir(parents=True)
        for split, called in (("train", "train"), ("test", "t10k")):
            images, labels = idx(self.images[split], self.labels[split])
            (raw / f"{called}-images-idx3-ubyte").write_bytes(images)
            (raw / f"{called}-labels-idx1-ubyte").write_bytes(labels)
            pngs = [encoded(image) for image in self.images[split]]
            content = dataset_file(pngs, self.labels[split], DIGIT_NAMES)
            (self.parquet / f"{split}-00000-of-00001.parquet").write_bytes(content)
            for row, png in enumerate(pngs):
                file = self.folder / split / DIGIT_NAMES[self.labels[split][row]] / f"{row}.png"
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(png)

    def from_idx(self, split: str) -> Dataset:
        return open_dataset("mnist", Options(split=split, root=str(self.root)))


@pytest.fixture(scope="module")
def mnist(tmp_path_factory) -> Mnist:
    return Mnist(tmp_path_factory.mktemp("mnist"))


@pytest.mark.parametrize("split", ["train", "test", "all"])
def test_mnist_from_idx_files_and_from_pngs_in_parquet_is_one_dataset(mnist, split):
    original, copy = mnist.from_idx(split), open_dataset(str(mnist.parquet), Options(split=split))
    splits = ["train", "test"] if split == "all" else [split]
    uids = [uid_by_hand(image) for part in splits for image in mnist.images[part]]
    labels = [label for part in splits for label in mnist.labels[part]]
    assert original.uids.tolist() == copy.uids.tolist() == uids
    assert original.fingerprint == copy.fingerprint == fingerprint_by_hand(uids, labels)
    assert original.labels.tolist() == copy.labels.tolist() == labels
    rows = np.arange(len(uids))
    assert np.array_equal(original.images.read(rows), copy.images.read(rows))
    assert original.images.shape == (28, 28, 1)


def test_mnist_names_its_classes_as_the_files_do(mnist):
    assert mnist.from_idx("train").classes[3] == "3 - three"
    assert open_dataset(str(mnist.parquet)).classes == DIGIT_NAMES


@pytest.mark.parametrize("split", ["train", "test"])
def test_mnist_as_a_folder_of_pngs_has_the_same_samples(mnist, split):
    original, copy = mnist.from_idx(split), open_dataset(str(mnist.folder), Options(split=split))
    assert sorted(original.uids.tolist()) == sorted(copy.uids.tolist())
    rows = match(original.uids, copy.uids)
    assert [copy.classes[label] for label in copy.labels[rows]] == [
        DIGIT_NAMES[label] for label in original.labels
    ]


def test_mnist_has_no_val_split(mnist):
    with pytest.raises(NoSplitError, match=r"^mnist has no val split: it has train, test$"):
        mnist.from_idx("val")


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "GIF", "PPM"])
def test_lossless_formats_of_one_image_have_one_uid(tmp_path, kind):
    pixels = noise(5, 6, 3) if kind != "GIF" else np.repeat(noise(5, 6, 1), 3, axis=2)
    (tmp_path / f"1.{kind.lower()}").write_bytes(encoded(pixels, kind))
    assert open_dataset(str(tmp_path), ALL).uids.tolist() == [uid_by_hand(pixels)]


@pytest.mark.parametrize(("kind", "suffix"), [("JPEG", "jpg"), ("WEBP", "webp")])
def test_lossy_files_are_known_by_their_bytes(tmp_path, kind, suffix):
    contents = [encoded(noise(8, 8, 3), kind, quality=quality) for quality in (40, 90)]
    for row, content in enumerate(contents):
        (tmp_path / f"{row}.{suffix}").write_bytes(content)
    assert open_dataset(str(tmp_path), ALL).uids.tolist() == [uid_of(content, None) for content in contents]


def test_pixels_beyond_the_limit_are_not_held_in_memory(tmp_path):
    for row, image in enumerate(noise(4, 5, 6, 3)):
        (tmp_path / f"{row}.png").write_bytes(encoded(image))
    exactly = 4 * 5 * 6 * 3
    within = open_dataset(str(tmp_path), ALL, resident_limit=exactly)
    beyond = open_dataset(str(tmp_path), ALL, resident_limit=exactly - 1)
    assert isinstance(within.images, ResidentImages)
    assert isinstance(beyond.images, EncodedImages)
    assert within.fingerprint == beyond.fingerprint


def class_folder(top: Path, kind: str, sizes: list[tuple[int, int]]) -> str:
    """Colour images in two classes; every third PNG has alpha."""
    for row, (height, width) in enumerate(sizes):
        file = top / "ab"[row % 2] / f"{row:02}.{kind.lower()}"
        file.parent.mkdir(parents=True, exist_ok=True)
        channels = 4 if kind == "PNG" and row % 3 == 0 else 3
        file.write_bytes(encoded(noise(height, width, channels, seed=row), kind))
    return str(top)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize("options", [Options("all"), Options("all", image_size=12), Options("all", 12, 1)])
def test_streaming_gives_what_is_given_from_memory(tmp_path, kind, options):
    sizes = [(16, 20)] * 9 if options.image_size is None else [(12 + row, 30 - 2 * row) for row in range(9)]
    path = class_folder(tmp_path, kind, sizes)
    resident = open_dataset(path, options)
    streamed = open_dataset(path, Options(options.split, options.image_size, options.channels, stream=True))
    assert isinstance(resident.images, ResidentImages)
    assert isinstance(streamed.images, EncodedImages)
    assert streamed.uids.tolist() == resident.uids.tolist()
    assert streamed.fingerprint == resident.fingerprint
    assert streamed.images.shape == resident.images.shape
    rows = np.array([8, 0, 3, 3, 5])
    assert np.array_equal(streamed.images.read(rows), resident.images.read(rows))
    views = streamed.take(rows).images, resident.take(rows).images
    assert np.array_equal(*(view.read(np.array([4, 1])) for view in views))


def test_streaming_parquet_gives_what_is_given_from_memory(mnist):
    resident = open_dataset(str(mnist.parquet), Options(image_size=10, channels=3))
    streamed = open_dataset(str(mnist.parquet), Options(image_size=10, channels=3, stream=True))
    assert streamed.fingerprint == resident.fingerprint
    rows = np.arange(0, 60, 7)
    assert np.array_equal(streamed.images.read(rows), resident.images.read(rows))


def test_streaming_an_array_gives_what_is_given_from_memory(tmp_path):
    path = npz(tmp_path / "a.npz", noise(6, 9, 7, 3))
    resident = open_dataset(path, Options("all", image_size=5))
    streamed = open_dataset(path, Options("all", image_size=5, stream=True))
    assert isinstance(streamed.images, EncodedImages)
    assert streamed.fingerprint == resident.fingerprint
    assert np.array_equal(streamed.images.read(np.arange(6)), resident.images.read(np.arange(6)))
