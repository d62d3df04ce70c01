"""What training saw of each sample: how it is seen, written, read and refused."""

import json
import re
from pathlib import Path

import numpy as np
import polars
import pyarrow.parquet as pq
import pytest
import torch
from helpers.tables import seen_of, traced
from torch import nn

import curate
from curate import finder
from curate.errors import CurateError, DamagedError
from curate.networks import learner as learners
from curate.networks.model import Recipe
from curate.scores.trace import open_trace, write_part
from curate.selection.session import Session
from curate.training.batches import Batches
from curate.training.loop import fit
from curate.training.recorder import Recorder

STILL = Recipe(2, 50, "sgd", 1e-30, 0.0, 0.0, "constant", "none")  # a rate at which nothing is learnt


@pytest.fixture(scope="module")
def digits():
    return curate.open_dataset("digits").take(np.arange(230))


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A traced run under a policy that keeps a part: the manifest."""
    folder = tmp_path_factory.mktemp("traced") / "run"
    options = {"n_epochs": 4, "batch_size": 50}
    return curate.train(
        "digits", policy="random", keep=0.4, recipe=options, trace=True, output=folder
    ).manifest


def linear(digits) -> learners.Learner:
    """Softmax regression: a network whose logits do not depend on the rest of a batch."""
    made = learners.build("basic-cnn", {}, digits, 0, torch.device("cpu"))
    torch.manual_seed(3)
    module = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
    return learners.Learner(module, "linear", {}, 1, made.classes, (8, 8), made.normalization, made.device)


def test_a_trace_is_what_the_forward_pass_before_the_update_knew(digits):
    learner = linear(digits)
    images = next(Batches(digits, learner).plain(np.arange(230), 230))[0]
    logits = learner.logits(images).detach().double().numpy()
    full = finder.make("policies", "full")
    (seen, _) = [
        epoch.seen
        for epoch in fit(
            learner, full, Batches(digits, learner), np.arange(230), STILL, 0, session=Session(trace=True)
        )
    ]
    for index, (row, label) in enumerate(zip(logits, digits.labels, strict=True)):
        p = np.exp(row - row.max()) / np.exp(row - row.max()).sum()
        assert seen.index[index] == index
        assert seen.loss[index] == pytest.approx(-np.log(p[label]), rel=1e-4)
        assert seen.margin[index] == pytest.approx(
            row[label] - np.delete(row, label).max(), rel=1e-3, abs=1e-4
        )
        assert seen.error[index] == pytest.approx(np.linalg.norm(p - np.eye(10)[label]), rel=1e-4)
        assert seen.correct[index] == (row.argmax() == label)


def test_tracing_does_not_change_what_is_trained(digits, tmp_path):
    recipe = {"n_epochs": 2}
    plain = curate.train(digits, recipe=recipe, test=digits, output=tmp_path / "plain").manifest
    with_trace = curate.train(digits, recipe=recipe, test=digits, trace=True, output=tmp_path / "t").manifest
    for name in ("model.safetensors", "metrics.parquet", "selection.parquet", "samples.parquet"):
        assert (plain.path / name).read_bytes() == (with_trace.path / name).read_bytes()
    assert not (plain.path / "trace.parquet").exists()


def test_the_trace_of_a_run_has_the_samples_that_each_epoch_was_trained_on(run):
    trace = open_trace(run.path)
    assert trace.n_epochs == run.n_epochs == 4
    for seen in trace.epochs():
        assert (seen.place == run.selected(seen.epoch).indices).all()
    metrics = pq.read_table(run.path / "metrics.parquet").to_pydict()
    for seen, right, loss in zip(
        trace.epochs(), metrics["train_accuracy"], metrics["train_loss"], strict=True
    ):
        assert seen.correct.mean() == pytest.approx(right)
        assert seen.loss.astype(float).mean() == pytest.approx(loss, rel=1e-3)


def test_there_is_one_row_group_per_epoch_and_other_libraries_read_it(run):
    path = run.path / "trace.parquet"
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


def test_a_trace_is_the_same_bytes_again(run, tmp_path):
    options = {"n_epochs": 4, "batch_size": 50}
    again = curate.train(
        "digits", policy="random", keep=0.4, recipe=options, trace=True, output=tmp_path / "run"
    )
    assert (again.manifest.path / "trace.parquet").read_bytes() == (run.path / "trace.parquet").read_bytes()


@pytest.mark.parametrize("place", [300, -200])
def test_a_changed_byte_is_noticed(run, tmp_path, place):
    content = bytearray((run.path / "trace.parquet").read_bytes())
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


def test_a_table_is_wanted_and_a_trace_is_named(run):
    with pytest.raises(CurateError, match="holds trace, not clusters or scores"):
        curate.open_table(run.path / "trace.parquet")


def test_inspect_shows_a_trace(run, cli):
    said = cli("inspect", run.path / "trace.parquet")
    assert said.code == 0
    assert "4" in said.out
    assert "right in training" in said.out
    assert json.loads(cli("inspect", run.path / "trace.parquet", "--json").out)["title"].startswith("trace ")


def test_where_only_the_sum_of_losses_is_too_large_the_largest_is_named():
    recorder = Recorder(3, torch.device("cpu"), trace=False)
    losses = torch.tensor([3.0e38, 3.2e38, 1.0])
    recorder.note(torch.arange(3), torch.zeros(3, 2), losses, torch.zeros(3, dtype=torch.int64))
    assert not torch.isfinite(losses.sum())
    order = np.array([2, 1, 0])
    assert order[recorder.first_not_finite(order)] == 1
    assert recorder.first_not_finite(np.array([3, 4]), first_place=-3) == 1


@pytest.mark.parametrize("lr", [1e15, 1e20, 1e30])
def test_scores_of_a_diverging_run_name_epoch_and_sample(lr, tmp_path, cli):
    words = ["score", "digits+per-class=8", "--method", "aum", "--epochs", "3", "--optimizer", "sgd"]
    said = cli(*words, "--lr", lr, "-o", tmp_path / "s.parquet")
    assert said.code == 2
    assert re.search(r"the loss is (nan|inf) in epoch \d, first that of sample \d+: use a", said.err)


def test_a_diverging_run_names_epoch_and_sample(digits, tmp_path):
    wild = digits.take(np.arange(230))
    recipe = {"n_epochs": 3, "lr": 1e30, "optimizer": "sgd", "schedule": "constant", "batch_size": 50}
    with pytest.raises(
        CurateError, match=r"the loss is (nan|inf) in epoch \d, first that of sample \d+: use a"
    ):
        curate.train(wild, recipe=recipe, test=digits, trace=True, output=tmp_path / "run")
    assert list(Path(tmp_path).iterdir()) == []
