"""Manifests of which all hashes are right, and that say what cannot be: refused as they are opened."""

import json
import shutil

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from helpers.hub_desk import forged
from helpers.manifests import EPOCHS, N, made

import curate
from curate.artifacts.seal import UNSEALED, seal_file
from curate.errors import DamagedError
from curate.manifests import content
from curate.manifests.manifest import open_manifest


def rewritten(file, change):
    """A Parquet file of a manifest with its row groups changed, each a dictionary of columns."""
    groups = pq.ParquetFile(file)
    tables = [groups.read_row_group(group) for group in range(groups.num_row_groups)]
    columns = [
        {name: table.column(name).to_numpy().copy() for name in table.column_names} for table in tables
    ]
    change(columns)
    with pq.ParquetWriter(file, tables[0].schema) as writer:
        for each in columns:
            arrays = {
                name: pa.array(values, tables[0].schema.field(name).type) for name, values in each.items()
            }
            writer.write_table(
                pa.table(arrays, tables[0].schema), row_group_size=max(1, len(arrays["index"]))
            )


def index_of(epoch, values):
    def change(groups):
        groups[epoch]["index"] = np.array(values)

    return change


def column(name, place, value, group=0):
    def change(groups):
        groups[group][name][place] = value

    return change


SELECTIONS = {
    "negative": (
        index_of(0, [-5, 3, 5, 7, 11]),
        "the indices of epoch 0 are not sorted, each once, from 0 to 19",
    ),
    "repeated": (index_of(1, [1, 3, 3]), "the indices of epoch 1 are not sorted"),
    "unsorted": (index_of(1, [3, 1, 19]), "the indices of epoch 1 are not sorted"),
    "too large": (index_of(1, [1, 3, 20]), "the indices of epoch 1 are not sorted"),
    "another epoch": (column("epoch", 2, 0, group=1), "epoch 1 says that it is epoch 0"),
    "negative weight": (column("weight", 1, -1.0), "weights of epoch 0 are negative, or no numbers"),
    "weight that is none": (column("weight", 1, np.nan, group=2), "weights of epoch 2 are negative"),
    "endless weight": (column("weight", 0, np.inf), "weights of epoch 0 are negative"),
}
SAMPLES = {
    "shuffled": (column("index", slice(0, 2), [1, 0]), "samples are not numbered 0 to 19 in order"),
    "counts": (
        column("n_selected", 0, 2),
        "n_selected of its samples is not how often the epochs",
    ),
    "label": (column("label", 4, 2), "samples have a label outside of 0 to 1"),
    "negative label": (column("label", 4, -1), "samples have a label outside of 0 to 1"),
    "row": (column("row", 3, 41), "samples have a row outside of -1 to 40"),
}
SUMMARIES = {
    "keep": ({"summary__keep": 0.9}, "its header says keep=0.9, and it is 0.25"),
    "per epoch": (
        {"summary__n_selected_per_epoch": 6.0},
        "its header says n_selected_per_epoch=6.0, and it is 5",
    ),
    "none": ({"summary__keep": 0}, "its header says keep=0, and it is 0.25"),
}


@pytest.fixture
def folder(tmp_path):
    """A session of three epochs whose samples have weights."""
    return made(tmp_path / "m", EPOCHS, weights=0.5)


@pytest.mark.parametrize("case", SELECTIONS)
def test_a_selection_that_cannot_be(folder, case):
    change, said = SELECTIONS[case]
    open_manifest(folder)
    rewritten(folder / "selection.parquet", change)
    forged(folder)
    for opens in (open_manifest, curate.load_manifest):
        with pytest.raises(DamagedError, match=f"contradicts itself: {said}"):
            opens(folder)


@pytest.mark.parametrize("case", SAMPLES)
def test_samples_that_cannot_be(folder, case):
    change, said = SAMPLES[case]
    rewritten(folder / "samples.parquet", change)
    forged(folder)
    with pytest.raises(DamagedError, match=f"contradicts itself: {said}"):
        open_manifest(folder)


@pytest.mark.parametrize("case", SUMMARIES)
def test_a_summary_that_does_not_add_up(folder, case):
    change, said = SUMMARIES[case]
    forged(folder, **change)
    with pytest.raises(DamagedError, match=f"contradicts itself: {said}"):
        open_manifest(folder)


def test_a_static_manifest_keeps_as_many_as_it_says(tmp_path):
    folder = made(tmp_path / "m", EPOCHS[:1])
    forged(folder, summary__n_kept=5)
    assert len(open_manifest(folder)) == 5
    forged(folder, summary__n_kept=6)
    with pytest.raises(DamagedError, match="its header says n_kept=6, and it is 5"):
        open_manifest(folder)


@pytest.mark.parametrize("name", ["uid", "index", "label", "n_selected", "row"])
def test_nothing_that_numbers_a_sample_is_missing(folder, name):
    table = pq.read_table(folder / "samples.parquet")
    values = [None, *table.column(name).to_pylist()[1:]]
    place = table.column_names.index(name)
    pq.write_table(
        table.set_column(place, name, pa.array(values, table.schema.field(name).type)),
        folder / "samples.parquet",
    )
    forged(folder)
    with pytest.raises(DamagedError, match=f"samples have no {name} in some places"):
        open_manifest(folder)
    assert len(values) == N


def test_what_was_found_in_order_is_not_read_again_and_any_other_seal_is(here, monkeypatch):
    monkeypatch.setenv("CURATE_CACHE", str(here / "cache"))
    folder = made(here / "mine")
    for file in (here / "cache").rglob("*"):
        assert not file.is_file()
    open_manifest(folder)
    read, whole = [], content.check_content
    monkeypatch.setattr(content, "check_content", lambda *given: (read.append(given[3]), whole(*given)))
    open_manifest(folder)
    assert read == []
    header = json.loads((folder / "manifest.json").read_text())
    header["summary"]["keep"] = 0.9  # sealed again, by somebody who lies
    header["sha256"] = UNSEALED
    (folder / "manifest.json").write_text(json.dumps(header))
    seal_file(folder / "manifest.json")
    for _ in range(2):
        with pytest.raises(DamagedError, match="contradicts itself"):
            open_manifest(folder)
    assert read == [folder, folder]
    monkeypatch.setattr(content, "_VERSION", 99)
    shutil.rmtree(folder)
    open_manifest(made(here / "mine"))
    assert len(read) == 3


def test_without_a_cache_it_is_read_every_time(here, monkeypatch):
    (here / "cache").write_text("")
    monkeypatch.setenv("CURATE_CACHE", str(here / "cache"))
    folder = made(here / "mine")
    assert open_manifest(folder).n == open_manifest(folder).n == N
