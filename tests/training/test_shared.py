"""One network trained by several ranks: up to rounding the run of one process, and the same selection."""

import os

import numpy as np
import polars as pl
import pytest
import torch
from helpers.ranks import codes, done, errors, together
from torch import nn

from curate.artifacts.results import read_results
from curate.errors import CurateError
from curate.manifests.manifest import open_manifest
from curate.training.batches import Batch
from curate.training.shared import normalize_together, part_of, to_the_last
from curate.world import ALONE, World

pytest_plugins = ["helpers.forks"]
ROUNDING = 1e-4  # of a loss, after some epochs
TRIALS = ["train", "digits", "--epochs", 2, "--set", "width=2", "--keep", 0.5]
WORDS = ["train", "digits", "--epochs", 4, "--set", "width=2", "--trace"]


class Some(World):
    """A rank among several, for what asks nobody."""

    def __init__(self, rank, size):
        self.rank, self.size = rank, size


@pytest.mark.parametrize(
    ("size", "n", "batch"),
    [(2, 10, 4), (3, 23, 7), (3, 22, 8), (2, 3, 64), (4, 11, 10), (3, 10, 4), (20, 300, 128)],
)
def test_each_sample_of_each_batch_is_presented_by_one_rank(size, n, batch):
    order = np.random.default_rng(n).permutation(n)
    n_batches = -(-n // batch)
    parts = [part_of(order, batch, Some(rank, size)) for rank in range(size)]
    for number in range(n_batches):
        whole = []
        for own, each in parts:
            whole += own[number * each : (number + 1) * each].tolist()
        assert whole == order[number * batch : (number + 1) * batch].tolist()
    assert part_of(order, batch, ALONE) == (pytest.approx(order), batch)


def test_a_batch_that_leaves_a_rank_without_work_is_refused():
    with pytest.raises(CurateError, match="a batch of 2 cannot be shared out to 3 ranks"):
        part_of(np.arange(10), 2, Some(0, 3))


def test_every_rank_takes_every_step():
    empty = Batch(*(torch.empty(0) for _ in range(3)))
    batches = [Batch(*(torch.ones(2) for _ in range(3))) for _ in range(2)]
    assert list(to_the_last(iter(batches), 3, empty)) == [*batches, empty]
    assert list(to_the_last(iter(batches), 2, empty)) == batches


def test_batch_normalization_of_all_of_a_batch_is_torchs():
    """As if one rank had it all: the sums over ranks are then its own."""
    torch.manual_seed(0)
    for kind, shape in ((nn.BatchNorm2d, (6, 3, 4, 5)), (nn.BatchNorm1d, (6, 3))):
        own, theirs = kind(3), kind(3)
        nn.init.normal_(theirs.weight)
        own.load_state_dict(theirs.state_dict())
        whole = nn.Sequential(own)
        normalize_together(whole, ALONE)
        assert type(own) is kind
        normalize_together(whole, Some(0, 2))
        assert isinstance(own, kind)
        for _ in range(3):
            images = 5 + 3 * torch.randn(shape)
            mine, others = images.clone().requires_grad_(), images.clone().requires_grad_()
            weights = torch.randn(shape)
            for layer, inputs in ((own, mine), (theirs, others)):
                (layer(inputs) * weights).sum().backward()
            assert torch.allclose(own(images), theirs(images), atol=1e-5)
            assert torch.allclose(mine.grad, others.grad, atol=1e-5)
        for name, value in theirs.state_dict().items():
            assert torch.allclose(own.state_dict()[name].double(), value.double(), atol=1e-5), name
        for one, other in zip(own.parameters(), theirs.parameters(), strict=True):
            assert torch.allclose(one.grad, other.grad, atol=1e-4)
        assert torch.equal(own.eval()(images), theirs.eval()(images)) or torch.allclose(
            own(images), theirs(images), atol=1e-5
        )


@pytest.mark.parametrize(
    ("size", "how"),
    [
        (2, ["--policy", "ema", "--keep", 0.5]),
        (3, ["--policy", "random", "--keep", 0.4, "--batch-size", 50]),
        (2, ["--policy", "uncertainty", "--keep", 0.5, "--trust", 0.9, "--observe", "evaluation"]),
    ],
)
def test_a_run_is_that_of_one_process(forks, tmp_path, size, how):
    done(together(forks, size, [*WORDS, *how, "-o", "several"], tmp_path))
    ran = forks.run([*WORDS, *how, "-o", "one"], tmp_path, {**os.environ, "OMP_NUM_THREADS": "1"})
    assert ran.returncode == 0, ran.stderr
    one, several = (open_manifest(tmp_path / name) for name in ("one", "several"))
    assert (one.header.world_size, several.header.world_size) == (1, size)
    assert one.n_epochs == several.n_epochs
    for epoch in range(one.n_epochs):
        assert np.array_equal(one.selected(epoch).indices, several.selected(epoch).indices)
    for name, columns in (
        ("metrics.parquet", ["train_loss", "train_accuracy", "test_accuracy", "test_loss"]),
        ("trace.parquet", ["loss", "margin", "error"]),
    ):
        tables = [pl.read_parquet(tmp_path / folder / name) for folder in ("one", "several")]
        assert tables[0].shape == tables[1].shape
        for column in columns:
            pair = [table[column].cast(pl.Float64).to_numpy() for table in tables]
            close = 1e-2 if name == "trace.parquet" else ROUNDING  # float16
            assert np.allclose(*pair, atol=close, equal_nan=True), column
    assert sorted(os.listdir(tmp_path)) == ["one", "several"]


KILL = """
import os
from curate import world
from curate.verbs import train_session as verb
real = verb.fit
def killed(*given, **how):
    for epoch in real(*given, **how):
        yield epoch
        if world.here().rank == 1 and epoch.epoch == 1:
            os.kill(os.getpid(), 9)
verb.fit = killed
"""


def test_a_killed_run_goes_on_to_the_bits_of_an_undisturbed_one(forks, tmp_path):
    words = [*WORDS, "--policy", "ema", "--keep", 0.5]
    ranks = together(forks, 2, [*words, "-o", "killed"], tmp_path, before=KILL)
    assert codes(ranks) == [2, -9]
    assert "another rank has ended" in errors(ranks)[0]
    again = together(forks, 2, [*words, "-o", "killed"], tmp_path)
    done(again)
    assert "going on after epoch" in again[0].err.read_text()
    assert "world size" not in again[0].err.read_text()
    done(together(forks, 2, [*words, "-o", "undisturbed"], tmp_path))
    for name in ("selection.parquet", "samples.parquet", "metrics.parquet", "model.safetensors"):
        pair = [(tmp_path / folder / name) for folder in ("killed", "undisturbed")]
        assert pair[0].exists() == pair[1].exists()
        if pair[0].exists():
            assert pair[0].read_bytes() == pair[1].read_bytes(), name


def test_a_killed_run_goes_on_with_another_number_of_ranks(forks, tmp_path):
    words = [*WORDS, "--policy", "ema", "--keep", 0.5]
    codes(together(forks, 2, [*words, "-o", "killed"], tmp_path, before=KILL))
    again = together(forks, 3, [*words, "-o", "killed"], tmp_path)
    done(again)
    said = again[0].err.read_text()
    assert "of 4 with a world size of 3, not 2 as before: equal up to rounding" in said
    done(together(forks, 2, [*words, "-o", "undisturbed"], tmp_path))
    pair = [open_manifest(tmp_path / name) for name in ("killed", "undisturbed")]
    assert [one.header.world_size for one in pair] == [3, 2]
    selections = [pl.read_parquet(tmp_path / of / "selection.parquet") for of in ("killed", "undisturbed")]
    assert selections[0].equals(selections[1])


def test_trials_are_dealt_out_and_are_those_of_one_process(forks, tmp_path):
    words = [*TRIALS, "--policy", "ema", "--trials", 3]
    one_thread = {**os.environ, "OMP_NUM_THREADS": "1"}
    assert forks.run([*words, "-o", "one"], tmp_path, one_thread).returncode == 0
    for more in ([], [], ["--force"]):  # made, found again, and made anew
        shown = done(together(forks, 2, [*words, *more, "-o", "two"], tmp_path))
    assert shown.splitlines()[-1] == "two-trials.parquet"
    for number in range(3):
        kept = [tmp_path / f"{name}-seed-{number}" / "selection.parquet" for name in ("one", "two")]
        assert kept[0].read_bytes() == kept[1].read_bytes()
    rows = [read_results(tmp_path / f"{name}-trials.parquet") for name in ("one", "two")]
    hashes = [{row.seed: row.weights_sha256 for row in own} for own in rows]
    assert len(hashes[0]) == 3
    assert hashes[0] == hashes[1]


def test_fewer_trials_than_ranks_are_trained_by_all(forks, tmp_path):
    words = [*TRIALS, "--policy", "random", "--trials", 2]
    done(together(forks, 3, [*words, "-o", "three"], tmp_path))
    assert open_manifest(tmp_path / "three-seed-1").header.world_size == 3
    assert len(read_results(tmp_path / "three-trials.parquet")) == 2
    done(together(forks, 2, [*words, "-o", "three", "--force"], tmp_path))  # dealt out now
    assert open_manifest(tmp_path / "three-seed-1").header.world_size == 1
    assert len(read_results(tmp_path / "three-trials.parquet")) == 2
