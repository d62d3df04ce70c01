"""samples.parquet: what is written in pieces is what is read, column by column."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from curate.manifests import samples
from curate.manifests.samples import Columns, write_columns


def some(n):
    chance = np.random.default_rng(n)
    words = pa.DictionaryArray.from_arrays(chance.integers(0, 2, n).astype(np.int8), ["in", "out"])
    return {
        "index": np.arange(n),
        "uid": chance.integers(0, 2**64, n, dtype=np.uint64),
        "n_selected": chance.integers(0, 5, n, dtype=np.int32),
        "trusted": chance.random(n) < 0.5,
        "distance": chance.random(n, np.float32),
        "reason": words,
    }


@pytest.mark.parametrize("n", [1, 7, 8, 30])
def test_pieces_are_one_table(tmp_path, monkeypatch, n):
    monkeypatch.setattr(samples, "_GROUP", 8)
    columns = some(n)
    write_columns(tmp_path / "s.parquet", columns)
    assert pq.read_metadata(tmp_path / "s.parquet").num_row_groups == -(-n // 8)
    found = Columns(tmp_path / "s.parquet")
    assert list(found) == list(columns)
    assert len(found) == 6
    assert "label" not in found
    for name in ("index", "uid", "trusted", "distance"):
        assert found[name].dtype == columns[name].dtype
        assert np.array_equal(found[name], columns[name])
    assert found["n_selected"].dtype == np.int64
    assert np.array_equal(found["n_selected"], columns["n_selected"])
    assert found["reason"].tolist() == columns["reason"].to_pylist()


def test_a_column_is_read_when_it_is_asked_for_and_once(tmp_path, monkeypatch):
    write_columns(tmp_path / "s.parquet", some(20))
    found, read, asked = Columns(tmp_path / "s.parquet"), samples.read_table, []

    def noted(path, columns, words):
        asked.append(columns)
        return read(path, columns, words)

    monkeypatch.setattr(samples, "read_table", noted)
    assert found["uid"] is found["uid"]
    assert found.get("label") is None
    assert asked == [["uid"]]
