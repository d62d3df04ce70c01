"""The dataset sources: what each reads, how it finds splits, and what it says when something is wrong."""

import io
import json
import struct
import sys
import threading
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hub_server import dataset_file
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from curate import finder
from curate.dataset import Dataset, Options, open_dataset
from curate.errors import CurateError, DamagedError
from curate.records import NoSplitError, Request, choose_splits, split_of_name

ALL = Options(split="all")
NAMES = ["circle", "square", "star"]
PNG_HEADER_OF_2_5_GIGAPIXELS = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + struct.pack(
    ">IIBBBBB", 50_000, 50_000, 8, 0, 0, 0, 0
)


def noise(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def png(*shape: int, seed: int = 0) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(noise(*shape, seed=seed)).save(buffer, "PNG")
    return buffer.getvalue()


def write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def pixels_of(dataset: Dataset) -> np.ndarray:
    return dataset.images.read(np.arange(len(dataset)))


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("train-00000-of-00005.parquet", "train"),
        ("training", "train"),
        ("TRAIN", "train"),
        ("x_val", "val"),
        ("valid.parquet", "val"),
        ("validation-00000.parquet", "val"),
        ("dev", "val"),
        ("cifar10-test.parquet", "test"),
        ("testing_images", "test"),
        ("contrast.png", None),
        ("latest.parquet", None),
        ("trainee", None),
        ("data-00000-of-00001.parquet", None),
        ("", None),
    ],
)
def test_a_name_tells_its_split(name, split):
    assert split_of_name(name) == split


WORDS = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "dev": "val",
}
WORDS |= {"test": "test", "testing": "test"}


@settings(max_examples=60, deadline=None)
@given(
    st.text("0123456789-_. ", max_size=6),
    st.sampled_from(sorted(WORDS)),
    st.text("0123456789-_. ", max_size=6),
)
def test_a_split_word_is_told_whatever_digits_and_dashes_surround_it(before, word, after):
    assert split_of_name(before + word + after) == WORDS[word]
    assert split_of_name(before + word.upper() + after) == WORDS[word]


@settings(max_examples=60, deadline=None)
@given(st.text("abcdeilnrstv", min_size=1, max_size=10))
def test_a_split_word_inside_a_longer_word_tells_nothing(word):
    assert split_of_name(f"{word}-0.parquet") == WORDS.get(word)


@pytest.mark.parametrize(
    ("available", "split", "chosen"),
    [
        (["all"], "train", ["all"]),
        (["all"], "all", ["all"]),
        (["test", "train"], "train", ["train"]),
        (["test", "val", "train"], "all", ["train", "val", "test"]),
        (["val", "train"], "test", ["val"]),
        (["val", "train", "test"], "test", ["test"]),
    ],
)
def test_splits_are_chosen(available, split, chosen):
    assert choose_splits(available, Request("a", split)) == chosen


@pytest.mark.parametrize(
    ("available", "split", "error"),
    [
        (["train", "test"], "val", "a has no val split: it has train, test"),
        (["train"], "test", "a has no test split: it has train; name a test set with --test"),
        (["test"], "train", "a has no train split: it has test"),
    ],
)
def test_a_split_that_is_not_there(available, split, error):
    with pytest.raises(NoSplitError, match=f"^{error}$"):
        choose_splits(available, Request("a", split))


# References


def places(top: Path) -> list[str]:
    """A path of every kind."""
    write(top / "photos" / "cat" / "1.png", png(4, 4))
    write(top / "bare" / "1.png", png(4, 4))
    write(top / "hub" / "data" / "train.parquet", dataset_file([png(4, 4)]))
    np.savez(top / "a.npz", x=noise(3, 4, 4))
    paths = [top / name for name in ("photos", "bare", "hub", "hub/data", "hub/data/train.parquet", "a.npz")]
    (top / "folder.npz").mkdir()
    return [*map(str, paths), f"{top}/hub/*/*.parquet", str(top / "folder.npz")]


def accepting(reference: str) -> list[str]:
    return [name for name in finder.names("sources") if finder.make("sources", name).accepts(reference)]


def test_every_reference_is_accepted_by_one_source(tmp_path):
    names = finder.load("sources", "torchvision").names()
    for reference in [*places(tmp_path), "digits", "Digits", *names, "CIFAR-10", "fashion_mnist"]:
        assert len(accepting(reference)) == 1, reference


@pytest.mark.parametrize("reference", ["nowhere", "nowhere.npz", "nowhere/*.parquet", "a:b"])
def test_what_is_no_reference_is_accepted_by_none(reference, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert accepting(reference) == []


@pytest.mark.parametrize("name", ["digits", "mnist"])
def test_a_folder_called_like_a_dataset_has_to_be_named_outright(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / name / "cat" / "1.png", png(4, 4))
    with pytest.raises(CurateError, match=f"known dataset and a path here: say which, .*folder:{name}"):
        open_dataset(name)
    assert len(open_dataset(f"./{name}", ALL)) == 1


def test_a_prefix_names_the_source(tmp_path):
    np.savez(tmp_path / "a.npz", x=noise(3, 4, 4))
    (tmp_path / "a.npz").rename(tmp_path / "renamed")
    write(tmp_path / "one.pq", dataset_file([png(4, 4)]))
    write(tmp_path / "photos" / "cat" / "1.png", png(4, 4))
    for kind, name, n in (("npz", "renamed", 3), ("parquet", "one.pq", 1), ("folder", "photos", 1)):
        dataset = open_dataset(f"{kind}:{tmp_path / name}", ALL)
        assert len(dataset) == n
        assert dataset.header()["reference"] == f"{kind}:{tmp_path / name}"


def test_a_prefix_names_a_folder_called_like_a_dataset(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "digits" / "cat" / "1.png", png(4, 4))
    assert len(open_dataset("folder:digits", ALL)) == 1


@pytest.mark.parametrize(
    "reference", ["folder:gone", "npz:gone.npz", "parquet:gone.parquet", "torchvision:gone"]
)
def test_a_prefix_before_what_does_not_exist(reference, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CurateError, match=r"gone") as problem:
        open_dataset(reference, ALL)
    assert "do not agree" not in str(problem.value)


# Folders of class folders


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
    with pytest.raises(CurateError, match=r"has no images \(\.bmp, \.gif, .*\.webp\)$"):
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
    assert dataset.header()["skipped"] == dataset.skipped


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


def test_a_damaged_jpeg_is_named_when_it_is_streamed_and_read(tmp_path):
    buffer = io.BytesIO()
    Image.fromarray(noise(32, 32)).save(buffer, "JPEG")
    path = folder(tmp_path, {"cat/1.jpg": buffer.getvalue()[:-200]})
    dataset = open_dataset(path, Options("all", stream=True))
    with pytest.raises(CurateError, match=r"cat/1\.jpg is not a readable image .*--skip-corrupt$"):
        dataset.images.read(np.array([0]))
    with pytest.raises(CurateError, match=r"^none of the 1 images could be read"):
        open_dataset(path, Options("all", stream=True, skip_corrupt=True))


@pytest.mark.parametrize("stream", [False, True])
def test_grey_among_colour_is_an_error_with_a_remedy(tmp_path, stream):
    contents = {"cat/1.png": png(4, 5, 3), "cat/2.png": png(4, 5), "cat/3.png": png(4, 5, 3)}
    path = folder(tmp_path, contents)
    with pytest.raises(
        CurateError,
        match=r"^1 images are grey and 2 are colour \(such as .*cat/2\.png\): use --channels 1 or --ch",
    ):
        open_dataset(path, Options("all", stream=stream))
    for channels in (1, 3):
        dataset = open_dataset(path, Options("all", channels=channels, stream=stream))
        assert pixels_of(dataset).shape == (3, 4, 5, channels)
    assert np.array_equal(pixels_of(dataset)[0], noise(4, 5, 3))


@pytest.mark.parametrize("stream", [False, True])
def test_different_sizes_are_an_error_with_a_remedy(tmp_path, stream):
    path = folder(tmp_path, {"cat/1.png": png(4, 5), "cat/2.png": png(6, 3)})
    with pytest.raises(
        CurateError,
        match=r"^the images differ in size, from 3 x 4 to 5 x 6 pixels: bring them to one with --image-size",
    ):
        open_dataset(path, Options("all", stream=stream))
    dataset = open_dataset(path, Options("all", image_size=4, stream=stream))
    assert pixels_of(dataset).shape == (2, 4, 4, 1)
    assert np.array_equal(pixels_of(dataset)[0, ..., 0], noise(4, 5)[:, :4])


# Parquet


SIX = [png(4, 5, seed=seed) for seed in range(6)]
SIX_PIXELS = np.stack([noise(4, 5, seed=seed) for seed in range(6)])
SIX_LABELS = [2, 0, 1, 1, 0, 2]


@pytest.fixture
def shelf(tmp_path) -> Path:
    """A folder whose own name tells no split, as that of tmp_path may."""
    made = tmp_path / "shelf"
    made.mkdir()
    return made


def parquet(path: Path, columns: Mapping[str, object], features: object = None) -> str:
    made = pa.table(columns)
    if features is not None:
        made = made.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(made, path)
    return str(path)


def test_parquet_file_in_the_layout_of_hugging_face(shelf):
    write(shelf / "a.parquet", dataset_file(SIX, SIX_LABELS, NAMES))
    dataset = open_dataset(str(shelf / "a.parquet"), ALL)
    assert np.array_equal(pixels_of(dataset)[..., 0], SIX_PIXELS)
    assert dataset.labels.tolist() == SIX_LABELS
    assert dataset.classes == NAMES


def test_parquet_files_by_glob_and_by_folder_are_joined_in_order(shelf):
    for part in range(3):
        rows = slice(2 * part, 2 * part + 2)
        write(shelf / f"a-{part}.parquet", dataset_file(SIX[rows], SIX_LABELS[rows], NAMES))
    for reference in (str(shelf), f"{shelf}/a-*.parquet"):
        dataset = open_dataset(reference, ALL)
        assert np.array_equal(pixels_of(dataset)[..., 0], SIX_PIXELS)
        assert dataset.labels.tolist() == SIX_LABELS
    assert len(open_dataset(f"{shelf}/a-[01].parquet", ALL)) == 4


@pytest.mark.parametrize(
    "files",
    [
        ("train-00000-of-00002.parquet", "train-00001-of-00002.parquet", "test-00000-of-00001.parquet"),
        ("train/0000.parquet", "train/0001.parquet", "test/0000.parquet"),
        ("plain/train/0.parquet", "plain/train-1.parquet", "plain/test/0.parquet"),
    ],
)
def test_parquet_splits_by_file_name_and_by_folder(shelf, files):
    for part, name in enumerate(files):
        rows = slice(2 * part, 2 * part + 2)
        write(shelf / name, dataset_file(SIX[rows], SIX_LABELS[rows], NAMES))
    for split, expected in (("train", SIX_LABELS[:4]), ("test", SIX_LABELS[4:]), ("all", SIX_LABELS)):
        assert open_dataset(str(shelf), Options(split=split)).labels.tolist() == expected
    with pytest.raises(NoSplitError, match=r"shelf has no val split: it has train, test$"):
        open_dataset(str(shelf), Options(split="val"))


def test_parquet_with_a_validation_split_gives_it_for_test(shelf):
    for name, rows in (("train", slice(4)), ("validation", slice(4, 6))):
        write(shelf / f"{name}.parquet", dataset_file(SIX[rows], SIX_LABELS[rows], NAMES))
    assert open_dataset(str(shelf), Options(split="test")).labels.tolist() == SIX_LABELS[4:]


def test_a_folder_of_parquet_files_may_itself_be_called_dev(tmp_path):
    write(tmp_path / "dev" / "a.parquet", dataset_file(SIX, SIX_LABELS, NAMES))
    assert len(open_dataset(str(tmp_path / "dev"), Options("train"), hold_out=False)) == 6


def test_parquet_with_a_plain_binary_column(shelf):
    for kind in (pa.binary(), pa.large_binary()):
        path = parquet(shelf / "a.parquet", {"scan": pa.array(SIX, kind), "y": SIX_LABELS})
        dataset = open_dataset(path, ALL)
        assert np.array_equal(pixels_of(dataset)[..., 0], SIX_PIXELS)
        assert dataset.labels.tolist() == SIX_LABELS
        assert dataset.classes == ["0", "1", "2"]


@pytest.mark.parametrize("name", ["label", "labels", "fine_label", "class", "target", "y"])
def test_parquet_label_columns_are_known_by_name(shelf, name):
    path = parquet(shelf / "a.parquet", {"image": SIX, name: SIX_LABELS, "other": [0] * 6})
    assert open_dataset(path, ALL).labels.tolist() == SIX_LABELS


def test_parquet_label_column_is_known_by_its_feature(shelf):
    features = {"species": {"_type": "ClassLabel", "names": NAMES}, "weight": {"_type": "Value"}}
    path = parquet(shelf / "a.parquet", {"image": SIX, "weight": [1] * 6, "species": SIX_LABELS}, features)
    dataset = open_dataset(path, ALL)
    assert dataset.labels.tolist() == SIX_LABELS
    assert dataset.classes == NAMES


def test_parquet_label_column_may_be_chosen(shelf):
    features = {"coarse": {"_type": "ClassLabel", "names": ["round", "not"]}}
    columns = {"image": SIX, "label": SIX_LABELS, "coarse": [1, 0, 1, 1, 0, 1]}
    path = parquet(shelf / "a.parquet", columns, features)
    dataset = open_dataset(path, Options("all", label_column="coarse"))
    assert dataset.labels.tolist() == [1, 0, 1, 1, 0, 1]
    assert dataset.classes == ["round", "not"]
    with pytest.raises(
        CurateError, match=r"a\.parquet has no column 'kind': its columns are image, label, coarse$"
    ):
        open_dataset(path, Options("all", label_column="kind"))


def test_parquet_text_labels_are_numbered_in_sorted_order(shelf):
    for kind in (pa.string(), pa.large_string()):
        labels = pa.array(["owl", "cat", "dog", "cat", "owl", "owl"], kind)
        dataset = open_dataset(parquet(shelf / "a.parquet", {"image": SIX, "label": labels}), ALL)
        assert dataset.classes == ["cat", "dog", "owl"]
        assert dataset.labels.tolist() == [2, 0, 1, 0, 2, 2]


def test_parquet_text_labels_mean_the_same_in_every_split(shelf):
    parquet(shelf / "train.parquet", {"image": SIX[:4], "label": ["cat", "dog", "owl", "dog"]})
    parquet(shelf / "test.parquet", {"image": SIX[4:], "label": ["owl", "dog"]})
    train, test = (open_dataset(str(shelf), Options(split=split)) for split in ("train", "test"))
    assert test.labels.tolist() == [train.classes.index("owl"), train.classes.index("dog")]


def test_parquet_without_names_has_as_many_classes_in_every_split(shelf):
    parquet(shelf / "train.parquet", {"image": SIX[:4], "label": [0, 1, 1, 0]})
    parquet(shelf / "test.parquet", {"image": SIX[4:], "label": [0, 2]})
    train, test = (open_dataset(str(shelf), Options(split=split)) for split in ("train", "test"))
    assert train.classes == test.classes


def test_parquet_without_labels_says_how_to_name_them(shelf):
    dataset = open_dataset(parquet(shelf / "a.parquet", {"image": SIX, "kind": SIX_LABELS}), ALL)
    assert dataset.labels is None
    with pytest.raises(
        CurateError,
        match=r"has no labels and training needs them\. .* has no label column: name one with --label-col",
    ):
        dataset.need_labels("training")


def test_parquet_with_several_image_columns_asks_for_one(shelf):
    path = parquet(shelf / "a.parquet", {"left": SIX, "right": SIX[::-1], "label": SIX_LABELS})
    with pytest.raises(
        CurateError, match=r"a\.parquet has image columns left, right: choose one with --image-column$"
    ):
        open_dataset(path)
    dataset = open_dataset(path, Options("all", image_column="right"))
    assert np.array_equal(pixels_of(dataset)[..., 0], SIX_PIXELS[::-1])
    with pytest.raises(CurateError, match=r"a\.parquet has no image column 'label': it has left, right$"):
        open_dataset(path, Options("all", image_column="label"))


def test_parquet_with_a_column_called_image_needs_no_choice(shelf):
    path = parquet(shelf / "a.parquet", {"mask": SIX[::-1], "image": SIX})
    assert np.array_equal(pixels_of(open_dataset(path, ALL))[..., 0], SIX_PIXELS)


def test_parquet_without_images_lists_its_columns(shelf):
    path = parquet(shelf / "a.parquet", {"text": ["a"], "label": [0]})
    with pytest.raises(CurateError, match=r"a\.parquet has no image column .*: its columns are text, label$"):
        open_dataset(path)


@pytest.mark.parametrize("inside", [True, False])
def test_parquet_with_a_null_image_names_the_sample(shelf, inside):
    if inside:
        write(shelf / "a.parquet", dataset_file([*SIX[:3], None, *SIX[4:]], SIX_LABELS, NAMES))
    else:
        parquet(shelf / "a.parquet", {"image": [*SIX[:3], None, *SIX[4:]], "label": SIX_LABELS})
    with pytest.raises(CurateError, match=r"a\.parquet: sample 3 has no image$"):
        open_dataset(str(shelf / "a.parquet"))


def test_parquet_with_a_null_label(shelf):
    path = parquet(shelf / "a.parquet", {"image": SIX, "label": [None, *SIX_LABELS[1:]]})
    with pytest.raises(CurateError, match=r"a\.parquet: 1 samples have no label$"):
        open_dataset(path)


@pytest.mark.parametrize("label", [3, -1])
def test_parquet_with_a_label_that_is_no_class_names_the_sample(shelf, label):
    write(shelf / "a.parquet", dataset_file(SIX, [2, 0, label, 1, 0, 2], NAMES))
    with pytest.raises(
        CurateError,
        match=rf"a\.parquet: sample 2 has label {label}, use labels 0 to 2 \(3 classes\)$",
    ):
        open_dataset(str(shelf / "a.parquet"))


def test_parquet_with_labels_that_are_no_numbers(shelf):
    path = parquet(shelf / "a.parquet", {"image": SIX, "label": [0.5] * 6})
    with pytest.raises(CurateError, match=r"a\.parquet: the label column is double; use integers or text$"):
        open_dataset(path)


def test_parquet_with_a_damaged_image_names_its_row(shelf):
    path = parquet(shelf / "a.parquet", {"image": [*SIX[:4], b"rubbish", SIX[5]], "label": SIX_LABELS})
    with pytest.raises(CurateError, match=r"a\.parquet\[4\] is not a readable image .*--skip-corrupt$"):
        open_dataset(path)
    dataset = open_dataset(path, Options("all", skip_corrupt=True))
    assert dataset.labels.tolist() == [2, 0, 1, 1, 2]
    assert np.array_equal(pixels_of(dataset)[..., 0], SIX_PIXELS[[0, 1, 2, 3, 5]])


@pytest.mark.parametrize("keep", [0, 3, 100, -1, -200])
def test_a_truncated_parquet_file_is_damaged(shelf, keep):
    write(shelf / "a.parquet", dataset_file(SIX, SIX_LABELS, NAMES)[:keep])
    with pytest.raises(
        DamagedError, match=r"a\.parquet is not a readable Parquet file \(.+\): copy it anew$"
    ):
        open_dataset(str(shelf / "a.parquet"))


@pytest.mark.parametrize(
    "metadata", [b"{", b"[]", b'{"info": null}', b'{"info": {"features": null}}', b"\xff\xfe\xfa"]
)
def test_parquet_with_odd_metadata_is_read_or_refused(shelf, metadata):
    made = pa.table({"image": SIX, "label": SIX_LABELS}).replace_schema_metadata({"huggingface": metadata})
    pq.write_table(made, shelf / "a.parquet")
    try:
        dataset = open_dataset(str(shelf / "a.parquet"), ALL)
    except CurateError:
        return
    assert dataset.classes == ["0", "1", "2"]


def test_parquet_with_a_list_of_numbers_for_bytes_is_refused(shelf):
    path = parquet(shelf / "a.parquet", {"image": [{"bytes": [1, 2]}] * 3})
    with pytest.raises(CurateError, match=r"a\.parquet"):
        open_dataset(path)


def test_parquet_files_that_do_not_agree(shelf):
    parquet(shelf / "a-0.parquet", {"image": SIX[:3], "label": SIX_LABELS[:3]})
    parquet(shelf / "a-1.parquet", {"image": SIX[3:], "label": ["a", "b", "c"]})
    with pytest.raises(CurateError, match=r"^the files of .*shelf do not agree: "):
        open_dataset(str(shelf))


def test_parquet_without_rows(shelf):
    with pytest.raises(CurateError, match=r"a\.parquet has no samples in its train split$"):
        open_dataset(parquet(shelf / "a.parquet", {"image": pa.array([], pa.binary())}))


# npz


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
        ({"a": X, "b": Y}, r"a\.npz has no images: its arrays are a, b; call one x or images$"),
        (
            {"x": np.array([None, "a"], object)},
            r"a\.npz is not a readable \.npz file of plain arrays: save it anew$",
        ),
        (
            {"x": X, "y": np.array([None] * 6, object)},
            r"a\.npz is not a readable \.npz file of plain arrays: save it anew$",
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


# torchvision


@pytest.fixture
def fake_data(monkeypatch) -> type:
    """FakeData of torchvision, with few and small images."""
    from torchvision import datasets

    class FewFakes(datasets.FakeData):
        def __init__(self) -> None:
            super().__init__(size=6, image_size=(3, 32, 32))

    monkeypatch.setattr(datasets, "FakeData", FewFakes)
    return FewFakes


def test_fake_data_is_what_torchvision_gives(fake_data):
    dataset = open_dataset("fake-data", Options("all", image_size=32))
    original = fake_data()
    assert np.array_equal(pixels_of(dataset), [np.array(original[row][0]) for row in range(6)])
    assert dataset.labels.tolist() == [original[row][1] for row in range(6)]
    assert dataset.classes == [str(number) for number in range(10)][: max(dataset.labels) + 1]


def test_fake_data_is_the_same_when_several_threads_read_it(fake_data, monkeypatch):
    import torch

    resident = open_dataset("fake-data", Options("all", image_size=32))
    streamed = open_dataset("fake-data", Options("all", image_size=32, stream=True))
    together, randn = threading.Barrier(2), torch.randn

    def meet() -> None:
        try:
            together.wait(timeout=0.3)
        except threading.BrokenBarrierError:
            together.reset()

    def meet_and_draw(*size: int) -> torch.Tensor:
        meet()
        drawn = randn(*size)
        meet()
        return drawn

    monkeypatch.setattr(torch, "randn", meet_and_draw)
    assert np.array_equal(streamed.images.read(np.arange(2)), pixels_of(resident)[:2])


@pytest.mark.slow
def test_fake_data_has_1000_images():
    dataset = open_dataset("fake-data", Options("all", image_size=32))
    assert (len(dataset), dataset.images.shape, len(dataset.classes)) == (1000, (32, 32, 3), 10)


def torchvision_names() -> list[str]:
    return [name for name in finder.load("sources", "torchvision").names() if name != "fake-data"]


@pytest.mark.parametrize("name", torchvision_names())
def test_a_missing_torchvision_set_says_how_to_fetch_it(tmp_path, name):
    where = rf"^{name} is not .*in {tmp_path}/.*: fetch it with --download, or name its folder with --root$"
    with pytest.raises(CurateError, match=where):
        open_dataset(name, Options("all", root=str(tmp_path)))


def test_a_set_that_needs_another_package_names_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(CurateError, match=r"\bh5py\b"):
        open_dataset("pcam", Options("all", root=str(tmp_path)))


def test_a_set_that_can_no_longer_be_fetched_says_so(tmp_path):
    with pytest.raises(CurateError, match=r"^.*stanford-cars.*cannot be downloaded"):
        open_dataset("stanford-cars", Options(download=True, root=str(tmp_path)))


def write_qmnist(root: Path, images: np.ndarray, labels: list[int]) -> None:
    """QMNIST's training files: its labels are rows of eight numbers, of which the first is the class."""
    rows = np.full((len(labels), 8), 50, ">i4")
    rows[:, 0] = labels
    raw = root / "QMNIST" / "raw"
    header = struct.pack(">IIII", 0x0803, *images.shape)
    write(raw / "qmnist-train-images-idx3-ubyte", header + images.tobytes())
    write(raw / "qmnist-train-labels-idx2-int", struct.pack(">III", 0x0C02, *rows.shape) + rows.tobytes())


def test_qmnist_labels_are_classes(tmp_path):
    write_qmnist(tmp_path, noise(12, 28, 28), [row % 10 for row in range(12)])
    dataset = open_dataset("qmnist", Options("train", root=str(tmp_path)))
    assert dataset.labels.tolist() == [row % 10 for row in range(12)]
    assert np.array_equal(pixels_of(dataset)[..., 0], noise(12, 28, 28))


def test_qmnist_is_fetched_where_that_is_asked_for(tmp_path, monkeypatch):
    from torchvision import datasets

    asked = []
    monkeypatch.setattr(datasets.QMNIST, "download", lambda self: asked.append(self.what))
    with pytest.raises(CurateError):
        open_dataset("qmnist", Options("train", download=True, root=str(tmp_path)))
    assert asked == ["train"]
