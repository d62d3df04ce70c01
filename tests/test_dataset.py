"""Datasets: what a sample is known by, which samples are held out, and one dataset in several formats."""

import hashlib
import io
import struct
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
from hub_server import dataset_file
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from curate.dataset import Dataset, Options, open_dataset, opening_for
from curate.errors import CurateError
from curate.identity import fingerprint, match, occurrences, uid_of
from curate.images import EncodedImages, ResidentImages
from curate.progress import Progress
from curate.records import NoSplitError

ALL = Options(split="all")
DIGIT_NAMES = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
FEW_UIDS = st.lists(st.integers(0, 5), max_size=12)


def noise(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def encoded(pixels: np.ndarray, kind: str = "PNG", **options) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind, **options)
    return buffer.getvalue()


def npz(path: Path, images: np.ndarray, labels: list[int] | None = None) -> str:
    np.savez(path, x=images, **({} if labels is None else {"y": np.array(labels)}))
    return str(path)


def uid_by_hand(pixels: np.ndarray) -> int:
    height, width, channels = pixels.reshape(*pixels.shape[:2], -1).shape
    content = f"{pixels.dtype} {height}x{width}x{channels} ".encode() + pixels.tobytes()
    return int.from_bytes(hashlib.blake2b(content, digest_size=8).digest(), "little")


def fingerprint_by_hand(uids: list[int], labels: list[int] | None) -> str:
    packed = b"".join(struct.pack("<Q", uid) for uid in uids)
    packed += b"unlabelled" if labels is None else b"".join(struct.pack("<q", label) for label in labels)
    return hashlib.sha256(packed).hexdigest()


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


def test_take_gives_rows_in_the_order_asked_for(tmp_path):
    images = noise(5, 4, 4)
    dataset = open_dataset(npz(tmp_path / "a.npz", images, [0, 1, 2, 3, 4]), ALL)
    taken = dataset.take(np.array([3, 0, 3]))
    assert len(taken) == 3
    assert taken.labels.tolist() == [3, 0, 3]
    assert taken.uids.tolist() == [uid_by_hand(images[row]) for row in (3, 0, 3)]
    assert np.array_equal(taken.images.read(np.arange(3))[..., 0], images[[3, 0, 3]])
    assert taken.fingerprint == fingerprint_by_hand(taken.uids.tolist(), [3, 0, 3]) != dataset.fingerprint
    assert len(dataset) == 5


def test_taking_from_a_dataset_without_labels_gives_none(tmp_path):
    assert open_dataset(npz(tmp_path / "a.npz", noise(5, 4, 4)), ALL).take(np.array([1])).labels is None


def test_an_open_dataset_is_returned_as_it_is(tmp_path):
    dataset = open_dataset(npz(tmp_path / "a.npz", noise(5, 4, 4)), ALL)
    assert open_dataset(dataset, Options(split="test")) is dataset


def test_digits_are_1797_grey_images_of_ten_classes():
    dataset = open_dataset("digits", ALL)
    assert len(dataset) == 1797
    assert dataset.images.shape == (8, 8, 1)
    assert dataset.classes == list("0123456789")
    assert np.bincount(dataset.labels).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]


def test_one_sample_in_five_is_held_out_by_its_uid():
    everything, train, test = (
        open_dataset("digits", Options(split=split)) for split in ("all", "train", "test")
    )
    assert test.uids.tolist() == [uid for uid in everything.uids.tolist() if uid % 5 == 0]
    assert train.uids.tolist() == [uid for uid in everything.uids.tolist() if uid % 5 != 0]
    assert 0.15 < len(test) / len(everything) < 0.25


def test_without_holding_out_all_samples_are_given():
    assert len(open_dataset("digits", hold_out=False)) == 1797
    assert len(open_dataset("digits", Options(split="test"), hold_out=False)) == 1797


def test_holding_out_is_said():
    notes = []

    class Notes(Progress):
        def note(self, text: str) -> None:
            notes.append(text)

    n = len(open_dataset("digits", Options(split="test"), Notes()))
    assert notes == [
        f"digits has no splits: one sample in 5, chosen by content, is its test split (test has {n} of 1,797)"
    ]


def held_out(path: str) -> set[int]:
    return set(open_dataset(path, Options(split="test")).uids.tolist())


def test_equal_images_are_held_out_together(tmp_path):
    path = npz(tmp_path / "a.npz", np.tile(noise(30, 4, 4), (3, 1, 1)))
    test = open_dataset(path, Options(split="test"))
    assert set(np.unique(test.uids, return_counts=True)[1].tolist()) == {3}
    assert not held_out(path) & set(open_dataset(path).uids.tolist())


def test_what_is_held_out_survives_another_order_and_growth(tmp_path):
    images = noise(60, 4, 4)
    before = held_out(npz(tmp_path / "a.npz", images))
    assert before == held_out(npz(tmp_path / "b.npz", images[np.random.default_rng(1).permutation(60)]))
    grown = held_out(npz(tmp_path / "c.npz", np.concatenate([noise(40, 4, 4, seed=2), images])))
    assert {uid_by_hand(image) for image in images} & grown == before


def test_a_source_without_splits_has_no_val_split():
    with pytest.raises(CurateError, match=r"^digits has no val split: use train, test or all$"):
        open_dataset("digits", Options(split="val"))


def test_too_few_samples_to_hold_any_out(tmp_path):
    image = next(image for image in noise(50, 4, 4) if uid_by_hand(image) % 5)
    path = npz(tmp_path / "one.npz", image[None])
    with pytest.raises(
        CurateError,
        match=r"one\.npz has no splits and only 1 samples, too few to hold out a test set: use --split all",
    ):
        open_dataset(path, Options(split="test"))


def test_labels_that_are_absent_are_an_error_where_they_are_needed(tmp_path):
    Image.fromarray(noise(4, 4)).save(tmp_path / "1.png")
    dataset = open_dataset(str(tmp_path), ALL)
    with pytest.raises(CurateError) as problem:
        dataset.need_labels("training")
    assert str(problem.value) == (
        f"{tmp_path} has no labels and training needs them. "
        f"Put the images of {tmp_path} into one folder per class"
    )


def test_labels_that_are_there_are_given():
    dataset = open_dataset("digits", ALL)
    assert dataset.need_labels("training") is dataset.labels


@pytest.mark.parametrize(
    ("reference", "remedy"),
    [("digitz", "digits"), ("mnits", "mnist"), ("cifar", "cifar10"), ("Fashion-MNST", "fashion-mnist")],
)
def test_an_unknown_reference_names_the_nearest(reference, remedy):
    with pytest.raises(
        CurateError,
        match=rf"^there is no dataset '{reference}': give a path that exists, hf:owner/name, or a name; "
        rf"did you mean .*\b{remedy}\b",
    ):
        open_dataset(reference)


def test_a_reference_like_no_name_lists_the_names():
    with pytest.raises(CurateError, match=r"; use one of digits, caltech101, .*, usps$"):
        open_dataset("nowhere/zzz.qqq")


def test_a_file_that_is_no_dataset_is_told_from_none_at_all(tmp_path):
    (tmp_path / "notes.txt").write_text("a")
    with pytest.raises(
        CurateError, match=r"notes\.txt is no dataset: use \.npz, \.parquet or a folder of class "
    ):
        open_dataset(str(tmp_path / "notes.txt"))


@pytest.mark.parametrize(
    ("options", "error"),
    [
        (Options(split="training"), "split=training is unknown: use train, val, test or all"),
        (Options(image_size=0), "image-size=0 is out of range: use 1 to 4096 pixels"),
        (Options(image_size=4097), "image-size=4097 is out of range: use 1 to 4096 pixels"),
        (Options(channels=2), r"channels=2 is unknown: use 1 \(grey\) or 3 \(colour\)"),
        (Options(channels=0), r"channels=0 is unknown: use 1 \(grey\) or 3 \(colour\)"),
    ],
)
def test_options_out_of_range(options, error):
    with pytest.raises(CurateError, match=f"^{error}$"):
        open_dataset("digits", options)


@pytest.mark.parametrize("reference", ["", "  "])
def test_a_dataset_needs_a_name(reference):
    with pytest.raises(
        CurateError, match=r"^the dataset has no name: give a path that exists, hf:owner/name, or "
    ):
        open_dataset(reference)


@pytest.mark.parametrize("options", [Options(image_column="scan"), Options(label_column="kind")])
def test_columns_are_for_parquet(options):
    with pytest.raises(
        CurateError, match=r"^digits has no columns: --image-column and --label-column are for Parq"
    ):
        open_dataset("digits", options)


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


def test_a_header_says_how_a_dataset_was_opened(tmp_path):
    path = npz(tmp_path / "a.npz", noise(6, 9, 7, 3), [0, 1, 0, 1, 0, 1])
    plain, changed = open_dataset(path, ALL), open_dataset(path, Options("all", image_size=5, channels=1))
    expected = {
        "reference": path,
        "split": "all",
        "n": 6,
        "classes": ["0", "1"],
        "fingerprint": plain.fingerprint,
    }
    assert plain.header() == expected
    assert changed.header() == {**expected, "image_size": 5, "channels": 1}
    assert opening_for(changed.header(), Options()) == changed.options


def test_a_recorded_opening_gives_way_to_what_the_user_says():
    recorded = {"split": "all", "image_size": 64, "image_column": "scan", "n": 3}
    assert opening_for(recorded, Options()) == Options("all", 64, image_column="scan")
    assert opening_for(recorded, Options(split="test", image_size=32)) == Options(
        "test", 32, image_column="scan"
    )
    assert opening_for(recorded, Options(), elsewhere="copy.parquet") == Options("all", 64)
