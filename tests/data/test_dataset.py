"""Datasets: rows that are taken, labels that are needed, options, and headers."""

import numpy as np
import pytest
from helpers.pictures import ALL, fingerprint_by_hand, noise, npz, uid_by_hand
from PIL import Image

from curate.artifacts.header import DatasetReference
from curate.data.dataset import Options, open_dataset, opening_for
from curate.errors import CurateError


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


@pytest.mark.parametrize("options", [Options(image_column="scan"), Options(label_column="kind")])
def test_columns_are_for_parquet(options):
    with pytest.raises(
        CurateError, match=r"^digits has no columns: --image-column and --label-column are for Parq"
    ):
        open_dataset("digits", options)


def test_a_header_says_how_a_dataset_was_opened(tmp_path):
    path = npz(tmp_path / "a.npz", noise(6, 9, 7, 3), [0, 1, 0, 1, 0, 1])
    plain, changed = open_dataset(path, ALL), open_dataset(path, Options("all", image_size=5, channels=1))
    expected = {
        "reference": path,
        "split": "all",
        "n": 6,
        "classes": ["0", "1"],
        "fingerprint": plain.fingerprint,
        "n_rows": 6,
    }
    assert plain.header().to_json() == expected
    assert changed.header().to_json() == {**expected, "image_size": 5, "channels": 1}
    assert opening_for(changed.header(), Options()) == changed.options


def test_a_recorded_opening_gives_way_to_what_the_user_says():
    recorded = DatasetReference("x", "all", 3, [], "f", image_size=64, image_column="scan")
    assert opening_for(recorded, Options()) == Options("all", 64, image_column="scan")
    assert opening_for(recorded, Options(split="test", image_size=32)) == Options(
        "test", 32, image_column="scan"
    )
    assert opening_for(recorded, Options(), elsewhere="copy.parquet") == Options("all", 64)
