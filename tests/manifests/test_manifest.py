"""Manifests: what is written is read, epoch by epoch, and it is small."""

import numpy as np
import polars as pl
import pyarrow.parquet as pq
import pytest
from helpers.manifests import header_for
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.errors import CurateError
from curate.manifests.manifest import Selected, open_manifest, write_manifest


def dynamic(folder, epochs, n, weights=False):
    chosen = [
        Selected(np.array(sorted(e), np.int64), np.full(len(e), 0.5, np.float32) if weights else None)
        for e in epochs
    ]
    samples = {"index": np.arange(n), "uid": np.arange(n, dtype=np.uint64)}
    return write_manifest(folder, header_for(n), chosen, samples)


@given(st.lists(st.sets(st.integers(0, 19), min_size=1), min_size=1, max_size=6), st.booleans())
@settings(max_examples=30, deadline=None)
def test_epochs_come_back_one_by_one(tmp_path_factory, epochs, weights):
    folder = tmp_path_factory.mktemp("m") / "manifest"
    dynamic(folder, epochs, 20, weights)
    result = open_manifest(folder)
    assert result.n_epochs == len(epochs)
    for number, expected in enumerate(epochs):
        selected = result.selected(number)
        assert selected.indices.tolist() == sorted(expected)
        assert (selected.weights is not None) == weights
    counts = [sum(index in epoch for epoch in epochs) for index in range(20)]
    assert result.samples["n_selected"].tolist() == counts


def test_selection_is_delta_packed_and_polars_reads_it(tmp_path):
    dynamic(tmp_path / "m", [{1, 2}, {0, 4}], 5)
    metadata = pq.ParquetFile(tmp_path / "m" / "selection.parquet").metadata
    assert metadata.num_row_groups == 2
    assert "DELTA_BINARY_PACKED" in metadata.row_group(0).column(1).encodings
    frame = pl.read_parquet(tmp_path / "m" / "selection.parquet")
    assert frame.schema == {"epoch": pl.Int32, "index": pl.Int64}
    assert frame.rows() == [(0, 1), (0, 2), (1, 0), (1, 4)]


def test_dynamic_manifests_are_small(tmp_path):
    chance = np.random.default_rng(0)
    epochs = [np.sort(chance.choice(50_000, 15_000, replace=False)) for _ in range(20)]
    dynamic(tmp_path / "m", epochs, 50_000)
    assert (tmp_path / "m" / "selection.parquet").stat().st_size < 20 * 15_000 * 8 / 15


def test_an_epoch_beyond_the_last_is_an_error(tmp_path):
    made = dynamic(tmp_path / "m", [{1}, {2}], 5)
    with pytest.raises(CurateError, match="has epochs 0 to 1, not 2"):
        made.selected(2)


def test_how_many_an_epoch_selects_is_known_without_reading_it(tmp_path, monkeypatch):
    made = open_manifest(dynamic(tmp_path / "m", [{1, 2}, {0, 3, 4}, {2}], 5).path)
    assert not made.has_weights
    assert open_manifest(dynamic(tmp_path / "w", [{1}], 5, weights=True).path).has_weights
    monkeypatch.setattr(pq.ParquetFile, "read_row_group", None)
    assert [made.n_selected(epoch) for epoch in range(3)] == [2, 3, 1]
    with pytest.raises(CurateError, match="has epochs 0 to 2, not 3"):
        made.n_selected(3)
