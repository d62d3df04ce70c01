"""Parquet as a source: one file, a glob or a folder, and the splits that names tell."""

import numpy as np
import pytest
from helpers.hub_server import dataset_file
from helpers.parquet_shelf import NAMES, SIX, SIX_LABELS, SIX_PIXELS
from helpers.pictures import ALL, pixels_of, write

from curate.data.dataset import Options, open_dataset
from curate.data.source import NoSplitError

pytest_plugins = ["helpers.parquet_shelf"]


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
