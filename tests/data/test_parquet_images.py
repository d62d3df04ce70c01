"""Images in Parquet files: their columns and labels, and what is said when something is wrong."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from helpers.hub_server import dataset_file
from helpers.parquet_shelf import NAMES, SIX, SIX_LABELS, SIX_PIXELS, parquet
from helpers.pictures import ALL, pixels_of, write

from curate.data.dataset import Options, open_dataset
from curate.errors import CurateError, DamagedError
from curate.progress import Progress

pytest_plugins = ["helpers.parquet_shelf"]


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
        match=r"has no labels and training needs them\. Name one of its columns with --label-column: image",
    ):
        dataset.need_labels("training")


def test_the_only_column_of_few_words_is_taken_for_the_label_and_it_is_said(shelf):
    images, heard = SIX * 2, []

    class Heard(Progress):
        def note(self, text):
            heard.append(text)

    columns = {"url": [f"u{n}" for n in range(12)], "picture": images, "kind": ["cat", "dog", "dog"] * 4}
    dataset = open_dataset(parquet(shelf / "a.parquet", columns), ALL, Heard())
    assert (dataset.classes, dataset.labels.tolist()) == (["cat", "dog"], [0, 1, 1] * 4)
    assert [text for text in heard if "kind is taken" in text] == [
        f"{shelf / 'a.parquet'} has no column that is called label: kind is taken, which holds few words "
        "again and again; --label-column takes another"
    ]


@pytest.mark.parametrize(
    "more",
    [
        {"source": ["a", "b"] * 6},  # two such columns: nobody knows which
        {"kind": ["cat"] * 12},  # one word alone tells nothing apart
        {"kind": [None, *["cat", "dog"] * 5, "dog"]},
    ],
)
def test_a_column_of_words_that_may_be_none_is_not_taken(shelf, more):
    columns = {"picture": SIX * 2, "kind": ["cat", "dog", "dog"] * 4, **more}
    assert open_dataset(parquet(shelf / "a.parquet", columns), ALL).labels is None


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
def test_parquet_with_odd_metadata_is_read_without_it(shelf, metadata):
    made = pa.table({"image": SIX, "label": SIX_LABELS}).replace_schema_metadata({"huggingface": metadata})
    pq.write_table(made, shelf / "a.parquet")
    dataset = open_dataset(str(shelf / "a.parquet"), ALL)
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
