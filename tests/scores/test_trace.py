"""Traces: how what training saw of each sample is written, read and refused."""

import numpy as np
import polars
import pyarrow.parquet as pq
import pytest
from helpers.tables import seen_of, traced

import curate
from curate.errors import CurateError, DamagedError
from curate.scores.trace import open_trace, write_part


def test_the_trace_of_a_run_has_the_samples_that_each_epoch_was_trained_on(traced_run):
    trace = open_trace(traced_run.path)
    assert trace.n_epochs == traced_run.n_epochs == 4
    for seen in trace.epochs():
        assert (seen.place == traced_run.selected(seen.epoch).indices).all()
    metrics = pq.read_table(traced_run.path / "metrics.parquet").to_pydict()
    for seen, right, loss in zip(
        trace.epochs(), metrics["train_accuracy"], metrics["train_loss"], strict=True
    ):
        assert seen.correct.mean() == pytest.approx(right)
        assert seen.loss.astype(float).mean() == pytest.approx(loss, rel=1e-3)


def test_there_is_one_row_group_per_epoch_and_other_libraries_read_it(traced_run):
    path = traced_run.path / "trace.parquet"
    file = pq.ParquetFile(path)
    assert file.num_row_groups == 4
    for epoch in range(4):
        assert set(file.read_row_group(epoch)["epoch"].to_pylist()) == {epoch}
    frame = polars.read_parquet(path)
    assert frame.columns == ["epoch", "model", "index", "loss", "margin", "error", "correct"]
    assert frame["loss"].dtype == polars.Float16
    assert frame.select("epoch", "model", "index").is_unique().all()


def test_fifty_thousand_samples_for_two_hundred_epochs_are_less_than_100_mb(tmp_path):
    """Four epochs of a run that learns, as seen by chance; a trace is the sum of its parts."""
    chance, n = np.random.default_rng(0), 50_000
    strength = chance.normal(2, 3, n).astype(np.float32)
    size = 0
    for epoch in range(4):
        margin = strength + chance.normal(0, 2, n).astype(np.float32) + epoch
        loss = np.log1p(np.exp(-margin))
        write_part(tmp_path / "part", epoch, [seen_of(n, loss, margin, loss / (1 + loss), margin > 0)])
        size += (tmp_path / "part").stat().st_size
    assert size / 4 * 200 < 100e6


def test_what_is_too_large_for_half_precision_is_its_largest_number(tmp_path):
    values = np.array([1e9, -1e9, 0.5], np.float32)
    trace = traced(tmp_path, 3, [[seen_of(3, abs(values), values, abs(values), values > 0)]])
    (seen,) = trace.epochs()
    assert seen.loss.tolist() == [65504, 65504, 0.5]
    assert seen.margin.tolist() == [65504, -65504, 0.5]


def test_the_first_epochs_and_models_of_a_trace(tmp_path):
    zeros = np.zeros(3, np.float32)
    runs = [
        [seen_of(3, zeros + 10 * model + epoch, zeros, zeros, zeros > 0) for epoch in range(3)]
        for model in range(2)
    ]
    trace = traced(tmp_path, 3, runs)
    assert (trace.n_models, trace.n_epochs, trace.size) == (2, 3, 6)
    part = trace.first(2, 1)
    assert [seen.loss.tolist() for seen in part.epochs()] == [[0, 0, 0], [1, 1, 1]]
    assert [seen.place.tolist() for seen in trace.epochs()] == [list(range(6))] * 3
    with pytest.raises(CurateError, match=r"epochs=4 is beyond the trace .*: use 1 to 3"):
        trace.first(4, None)
    with pytest.raises(CurateError, match=r"models=3 is beyond the trace .*: use 1 to 2"):
        trace.first(None, 3)


def test_a_trace_is_the_same_bytes_again(traced_run, tmp_path):
    options = {"n_epochs": 4, "batch_size": 50}
    again = curate.train(
        "digits", policy="random", keep=0.4, hyperparameters=options, trace=True, output=tmp_path / "run"
    )
    assert (again.manifest.path / "trace.parquet").read_bytes() == (
        traced_run.path / "trace.parquet"
    ).read_bytes()


@pytest.mark.parametrize("place", [300, -200])
def test_a_changed_byte_is_noticed(traced_run, tmp_path, place):
    content = bytearray((traced_run.path / "trace.parquet").read_bytes())
    content[place] ^= 1
    (tmp_path / "trace.parquet").write_bytes(content)
    with pytest.raises(DamagedError):
        open_trace(tmp_path / "trace.parquet")


def test_what_is_no_trace_is_refused(digits_round, tmp_path):
    with pytest.raises(CurateError, match=r"there is no trace .*make one with `curate train --trace`"):
        open_trace(tmp_path / "none.parquet")
    with pytest.raises(CurateError, match="there is no trace"):
        open_trace(digits_round.manifest)
    with pytest.raises(CurateError, match="holds clusters, not trace"):
        open_trace(digits_round.table)
    (tmp_path / "cut.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(DamagedError):
        open_trace(tmp_path / "cut.parquet")


def test_a_table_is_wanted_and_a_trace_is_named(traced_run):
    with pytest.raises(CurateError, match="holds trace, not clusters or scores"):
        curate.open_table(traced_run.path / "trace.parquet")
