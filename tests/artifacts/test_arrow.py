"""Arrow's arrays and numpy's: the same values, by way of their buffers, and without pandas."""

import subprocess
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from curate.artifacts.arrow import array_of, column_of, read_table, texts_of, values_of

NUMBERS = [np.int8, np.uint8, np.int32, np.int64, np.uint64, np.float16, np.float32, np.float64]
SOME = st.sampled_from(NUMBERS).flatmap(lambda kind: arrays.arrays(kind, st.integers(0, 9)))


def same(one, other):
    return one.dtype == other.dtype and np.array_equal(one, other, equal_nan=one.dtype.kind == "f")


@given(SOME, st.integers(0, 5), st.integers(1, 3))
def test_numbers_go_there_and_back(values, start, step):
    assert array_of(values).to_pylist() == pytest.approx(values.tolist(), nan_ok=True)
    assert same(values_of(array_of(values)), values)
    assert same(values_of(array_of(values[::step])), values[::step])
    assert same(values_of(array_of(values).slice(start)), values[start:])
    chunks = pa.chunked_array([array_of(values), array_of(values[start:])])
    assert same(values_of(chunks), np.concatenate([values, values[start:]]))
    assert same(values_of(pa.chunked_array([], chunks.type)), values[:0])


def test_what_is_no_plain_number_is_left_to_arrow():
    assert values_of(pa.array([True, False])).tolist() == [True, False]
    assert values_of(pa.array(["a", None])).tolist() == ["a", None]
    assert np.isnan(values_of(pa.array([1, None]))[1])
    assert array_of(np.array([True])).to_pylist() == [True]


@given(st.lists(st.binary(max_size=5)))
def test_texts_are_those_given(texts):
    assert texts_of(texts, pa.binary()).equals(pa.array(texts, pa.binary()))
    assert texts_of(texts, pa.large_binary()).equals(pa.array(texts, pa.large_binary()))


KINDS = {
    pa.int64(): st.none() | st.integers(-(2**63), 2**63 - 1),
    pa.float64(): st.none() | st.floats(allow_nan=False),
    pa.bool_(): st.booleans() | st.none(),
    pa.string(): st.text(),
    pa.list_(pa.float64()): st.lists(st.floats(allow_nan=False)),
    pa.list_(pa.string()): st.lists(st.text()),
}


@given(st.sampled_from(list(KINDS)).flatmap(lambda kind: st.tuples(st.just(kind), st.lists(KINDS[kind]))))
def test_a_column_of_values_is_that_of_arrow(drawn):
    kind, values = drawn
    own = column_of(values, kind)
    own.validate(full=True)
    assert own.equals(pa.array(values, kind))


def test_words_are_unicode():
    assert texts_of(["ä".encode(), b"", b"b"], pa.string()).to_pylist() == ["ä", "", "b"]


def test_a_file_is_read_whole_or_in_columns(tmp_path):
    table = pa.table({"a": [1, 2], "b": ["x", "x"]})
    pq.write_table(table, tmp_path / "t.parquet")
    assert read_table(tmp_path / "t.parquet").equals(table)
    assert read_table(tmp_path / "t.parquet", ["a"]).equals(table.select(["a"]))
    assert read_table(tmp_path / "t.parquet", ["b"], ["b"]).column(0).chunk(0).dictionary.to_pylist() == ["x"]


def test_none_of_it_imports_pandas(tmp_path):
    program = """
import sys
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from curate.artifacts.arrow import array_of, column_of, read_table, values_of
pq.write_table(pa.table({"a": array_of(np.arange(3)), "b": column_of(["x"] * 3, pa.string())}), "t.parquet")
assert values_of(read_table("t.parquet", ["a"]).column(0)).tolist() == [0, 1, 2]
assert not {"pandas", "pyarrow.dataset", "pyarrow.compute"} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, check=True)
