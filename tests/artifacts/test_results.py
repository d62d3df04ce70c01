"""Results: rows are added once, whole, and are what they were."""

import json
import math
import multiprocessing
from dataclasses import replace

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from helpers.results import ROW, add_seeds
from hypothesis import given
from hypothesis import strategies as st

from curate.artifacts.results import (
    about_results,
    add_results,
    check_results,
    key_of,
    machine,
    read_results,
    write_results,
)
from curate.errors import CurateError, DamagedError


def test_rows_are_read_as_they_were_written(here):
    rows = [ROW, replace(ROW, key="l", scoring_seconds=1.5, times_selected=[], accuracy_per_epoch=[])]
    add_results(here / "r.parquet", rows[:1])
    add_results(here / "r.parquet", rows[1:])
    assert read_results(here / "r.parquet") == rows
    assert pl.read_parquet(here / "r.parquet")["accuracy"].to_list() == [0.9, 0.9]


def test_epochs_in_which_nobody_looked_are_nan(here):
    add_results(here / "r.parquet", [replace(ROW, accuracy_per_epoch=[math.nan, 0.9])])
    first, last = read_results(here / "r.parquet")[0].accuracy_per_epoch
    assert math.isnan(first)
    assert last == 0.9


def test_a_row_is_added_once_and_the_first_one_stays(here):
    add_results(here / "r.parquet", [ROW])
    add_results(here / "r.parquet", [replace(ROW, accuracy=0.1), replace(ROW, key="l")])
    assert [(row.key, row.accuracy) for row in read_results(here / "r.parquet")] == [("k", 0.9), ("l", 0.9)]
    add_results(here / "r.parquet", [replace(ROW, accuracy=0.2)], replaces=True)
    assert [(row.key, row.accuracy) for row in read_results(here / "r.parquet")] == [("l", 0.9), ("k", 0.2)]
    add_results(here / "r.parquet", [replace(ROW, accuracy=0.1)], anew=True)
    assert [row.accuracy for row in read_results(here / "r.parquet")] == [0.1]


def test_what_a_file_says_of_itself_stays_when_rows_are_added(here):
    write_results(here / "r.parquet", [ROW], {"recipe": "mnist"})
    add_results(here / "r.parquet", [replace(ROW, key="l")])
    assert about_results(here / "r.parquet") == {"recipe": "mnist"}


def test_several_processes_add_to_one_file_and_lose_nothing(here):
    context = multiprocessing.get_context("spawn")
    processes = [
        context.Process(target=add_seeds, args=(here / "r.parquet", range(10 * each, 10 * each + 10)))
        for each in range(3)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert sorted(row.seed for row in read_results(here / "r.parquet")) == list(range(30))
    assert [file.name for file in here.iterdir()] == ["r.parquet"]


def test_a_flipped_byte_is_an_error(here):
    add_results(here / "r.parquet", [ROW])
    good = (here / "r.parquet").read_bytes()
    for place in range(0, len(good), 97):
        (here / "r.parquet").write_bytes(good[:place] + bytes([good[place] ^ 1]) + good[place + 1 :])
        with pytest.raises(CurateError):
            read_results(here / "r.parquet")


@pytest.mark.parametrize(
    ("content", "error", "message"),
    [
        (b"not parquet", DamagedError, "is not a readable results file"),
        (None, CurateError, "there are no results r.parquet: make some with `curate replay`"),
    ],
)
def test_what_is_no_results_file_says_so(content, error, message, here):
    if content is not None:
        (here / "r.parquet").write_bytes(content)
    with pytest.raises(error, match=message):
        read_results("r.parquet")


def test_another_parquet_file_and_another_format_are_refused(here):
    table = pa.table({"key": ["k"]})
    pq.write_table(table, "other.parquet")
    with pytest.raises(CurateError, match="holds no results"):
        check_results(here / "other.parquet")
    head = {"format": 99, "kind": "results", "about": {}, "sha256": "0" * 64}
    pq.write_table(table.replace_schema_metadata({"curate": json.dumps(head)}), "later.parquet")
    with pytest.raises(CurateError, match=r"has format 99, this curate reads 1: update curate"):
        check_results(here / "later.parquet")
    check_results(here / "later.parquet", force=True)
    with pytest.raises(CurateError, match="is a folder: name a file"):
        check_results(here)


def test_a_file_of_an_earlier_curate_may_lack_no_column_that_is_needed(here):
    add_results(here / "r.parquet", [ROW])
    table = pq.read_table("r.parquet").drop_columns(["accuracy"])
    assert "accuracy" not in table.column_names
    pq.write_table(table, "s.parquet")
    with pytest.raises(CurateError):
        read_results("s.parquet")


@given(st.dictionaries(st.text(max_size=3), st.integers() | st.lists(st.integers(), max_size=3), max_size=4))
def test_keys_depend_on_values_and_not_on_their_order(identity):
    backwards = dict(reversed(identity.items()))
    assert key_of(identity) == key_of(backwards)
    assert key_of({**identity, "more": 1}) != key_of(identity)


def test_the_machine_is_named():
    assert machine().endswith("cores")
