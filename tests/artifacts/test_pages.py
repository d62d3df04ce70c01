"""Pages of Parquet: their sizes as their own headers tell them; those that unpack to too much are refused."""

import struct

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from helpers.pictures import encoded, noise
from hypothesis import given
from hypothesis import strategies as st

import curate
from curate.artifacts import pages
from curate.artifacts.pages import _pages, _Reader, check_pages
from curate.data.dataset import Options, open_dataset
from curate.errors import CurateError, DamagedError
from curate.vectors.opening import open_embedding


def sizes_of(path):
    metadata = pq.read_metadata(path)
    groups = [metadata.row_group(group) for group in range(metadata.num_row_groups)]
    columns = [group.column(place) for group in groups for place in range(metadata.num_columns)]
    with open(path, "rb") as file:
        return [(column, list(_pages(file, column, path))) for column in columns]


@pytest.mark.parametrize("version", ["1.0", "2.0"])
@pytest.mark.parametrize("compression", ["none", "zstd", "snappy"])
@pytest.mark.parametrize("dictionary", [True, False])
def test_the_pages_of_a_column_add_up_to_what_the_footer_says(here, version, compression, dictionary):
    chance = np.random.default_rng(0)
    table = pa.table(
        {
            "number": chance.integers(0, 9, 5000),
            "text": [f"word {n % 7}" for n in range(5000)],
            "list": [[float(n), 2.0] for n in range(5000)],
            "null": [None, 1.5] * 2500,
            "bytes": [chance.bytes(30) for _ in range(5000)],
        }
    )
    pq.write_table(
        table, "x.parquet", compression=compression, use_dictionary=dictionary, data_page_version=version,
        data_page_size=4096, row_group_size=2000, write_page_index=True, write_page_checksum=True,
    )  # fmt: skip
    for column, found in sizes_of("x.parquet"):
        headers = column.total_uncompressed_size - sum(unpacked for unpacked, _ in found)
        assert 0 < headers < 200 * len(found)
        assert column.total_compressed_size - sum(packed for _, packed in found) == headers
    check_pages("x.parquet", pq.read_metadata("x.parquet"))


def test_a_page_that_unpacks_to_too_much_is_refused_by_every_reader(here, monkeypatch):
    monkeypatch.setattr(pages, "MOST_PAGE", 100_000)
    big = [b"\0" * 500_000] * 2
    pq.write_table(
        pa.table({"image": big, "label": ["a", "b"]}), "i.parquet", compression="zstd", use_dictionary=False
    )
    with pytest.raises(DamagedError, match="bytes that unpacks to"):
        open_dataset("i.parquet", Options("all"))
    label = ["a" * 300_000, "b"]
    images = [encoded(noise(4, 4, seed=seed)) for seed in range(2)]
    pq.write_table(
        pa.table({"image": images, "label": label}), "l.parquet", compression="zstd", use_dictionary=False
    )
    with pytest.raises(DamagedError, match="that unpacks to"):
        open_dataset("l.parquet", Options("all"))
    pq.write_table(
        pa.table({"v": [[0.0] * 300] * 300}), "v.parquet", compression="zstd", use_dictionary=False
    )
    with pytest.raises(DamagedError, match="that unpacks to"):
        open_embedding("v.parquet")
    curate.embed("digits", dim=2, output="e.safetensors")
    table = curate.cluster("e.safetensors", 3, output="c.parquet")
    monkeypatch.setattr(pages, "MOST_PAGE", 10)
    monkeypatch.setattr(pages, "MOST_TIMES", 0)
    with pytest.raises(CurateError, match="that unpacks to"):
        curate.open_table(table.path)


def test_a_large_page_of_what_does_not_shrink_is_read(here, monkeypatch):
    monkeypatch.setattr(pages, "MOST_PAGE", 1000)
    images = [encoded(noise(40, 40, 3, seed=seed)) for seed in range(4)]
    pq.write_table(pa.table({"image": images, "label": [0, 1, 0, 1]}), "i.parquet", compression="zstd")
    assert len(open_dataset("i.parquet", Options("all"))) == 4


def test_a_file_of_no_rows_has_no_pages(here):
    table = pa.table({"a": pa.array([], pa.int64()), "b": pa.array([], pa.string())})
    pq.write_table(table, "x.parquet")
    pq.write_table(table, "y.parquet", use_dictionary=False, compression="none")
    for name in ("x.parquet", "y.parquet"):
        check_pages(name, pq.read_metadata(name))
    with pq.ParquetWriter("z.parquet", table.schema) as writer:
        writer.write_table(table)
        writer.write_table(pa.table({"a": [1, 2], "b": ["x", "y"]}))
    check_pages("z.parquet", pq.read_metadata("z.parquet"))


def test_a_header_that_is_none_is_one_line(here):
    pq.write_table(pa.table({"a": list(range(100))}), "x.parquet", compression="none")
    metadata = pq.read_metadata("x.parquet")
    start = metadata.row_group(0).column(0).dictionary_page_offset or 4
    content = bytearray((here / "x.parquet").read_bytes())
    content[start : start + 8] = struct.pack("<Q", 2**64 - 1)
    (here / "x.parquet").write_bytes(bytes(content))
    with pytest.raises(DamagedError, match="is not a readable Parquet file"):
        check_pages("x.parquet", metadata)


@given(st.binary(max_size=300))
def test_any_bytes_are_sizes_or_no_header(content):
    try:
        found = _Reader(content).sizes()
    except (IndexError, RecursionError):
        return
    assert set(found) <= {"unpacked", "packed"}
