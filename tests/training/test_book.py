"""What a run notes of each sample while it trains: what the forward pass knew, at no cost to the run."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import curate
from curate import finder
from curate.errors import CurateError
from curate.networks import learner as learners
from curate.networks.model import Hyperparameters
from curate.selection.session import Session
from curate.training.batches import Batches
from curate.training.book import Book
from curate.training.loop import fit

STILL = Hyperparameters(
    2, 50, "sgd", 1e-30, 0.0, 0.0, "constant", "none"
)  # a rate at which nothing is learnt


@pytest.fixture(scope="module")
def digits():
    return curate.open_dataset("digits").take(np.arange(230))


def linear(digits) -> learners.Learner:
    """Softmax regression: a network whose logits do not depend on the rest of a batch."""
    made = learners.build("basic-cnn", {}, digits, 0, torch.device("cpu"))
    torch.manual_seed(3)
    module = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
    return learners.Learner(module, "linear", {}, 1, made.classes, (8, 8), made.normalization, made.device)


def test_a_trace_is_what_the_forward_pass_before_the_update_knew(digits):
    learner = linear(digits)
    images = next(Batches(digits, learner).plain(np.arange(230), 230)).images
    logits = learner.logits(images).detach().double().numpy()
    full = finder.make("policies", "full")
    (seen, _) = [
        epoch.seen
        for epoch in fit(
            learner,
            full,
            Batches(digits, learner),
            available=np.arange(230),
            hyperparameters=STILL,
            seed=0,
            session=Session(trace=True),
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
    plain = curate.train(digits, hyperparameters=recipe, test=digits, output=tmp_path / "plain").manifest
    with_trace = curate.train(
        digits, hyperparameters=recipe, test=digits, trace=True, output=tmp_path / "t"
    ).manifest
    for name in ("model.safetensors", "metrics.parquet", "selection.parquet", "samples.parquet"):
        assert (plain.path / name).read_bytes() == (with_trace.path / name).read_bytes()
    assert not (plain.path / "trace.parquet").exists()


def test_where_only_the_sum_of_losses_is_too_large_the_largest_is_named():
    book = Book(3, torch.device("cpu"), trace=False)
    losses = torch.tensor([3.0e38, 3.2e38, 1.0])
    book.note(torch.arange(3), torch.zeros(3, 2), losses, torch.zeros(3, dtype=torch.int64))
    assert not torch.isfinite(losses.sum())
    order = np.array([2, 1, 0])
    assert order[book.first_not_finite(order)] == 1
    assert book.first_not_finite(np.array([3, 4]), first_place=-3) == 1


def test_a_diverging_run_names_epoch_and_sample(digits, tmp_path):
    wild = digits.take(np.arange(230))
    recipe = {"n_epochs": 3, "lr": 1e30, "optimizer": "sgd", "schedule": "constant", "batch_size": 50}
    with pytest.raises(
        CurateError, match=r"the loss is (nan|inf) in epoch \d, first that of sample \d+: use a"
    ):
        curate.train(wild, hyperparameters=recipe, test=digits, trace=True, output=tmp_path / "run")
    assert list(Path(tmp_path).iterdir()) == []
