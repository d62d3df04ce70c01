"""What a run leaves: one selection where it never changes, one per checkpoint and groups where it does."""

import numpy as np
import polars
import pytest

import curate

SMALL = {"options": {"width": 1}}


@pytest.fixture(scope="module")
def few():
    """120 samples for training and 40 for testing."""
    digits = curate.open_dataset("digits")
    return digits.take(np.arange(120)), digits.take(np.arange(120, 160))


def trained(few, output, n_epochs, **more):
    shared = {"test": few[1], "hyperparameters": {"n_epochs": n_epochs}, "output": output}
    return curate.train(few[0], **shared, **SMALL, **more)


def test_a_selection_that_never_changes_is_written_once(few, here):
    made = trained(few, "run", 3)
    assert made.manifest.is_static
    summary = made.manifest.header.summary
    assert summary["checkpoints"] == [0]
    assert summary["samples_seen"] == 3 * 120
    assert summary["test_accuracy"] == made.epochs[-1].test_accuracy
    assert polars.read_parquet("run/selection.parquet")["epoch"].unique().to_list() == [0]


def test_of_a_session_every_checkpoint_and_the_groups_are_written(few, here):
    made = trained(few, "run", 10, policy="ucb", keep=0.5, period=1)
    assert made.manifest.header.summary["checkpoints"] == list(range(1, 10))  # a warm-up before
    samples = made.manifest.samples
    assert set(samples["group"]) <= {"always", "sometimes", "never"}
    counted = sum(np.isin(np.arange(120), made.manifest.selected(epoch).indices) for epoch in range(10))
    assert samples["n_selected"].tolist() == counted.tolist()


def test_a_trace_has_what_was_presented_in_every_epoch_and_costs_no_known_time(few, here):
    made = trained(few, "run", 2, policy="random", keep=0.25, period=1, trace=True)
    trace = curate.open_trace("run")
    assert (trace.n_epochs, trace.n_models, trace.samples_seen) == (2, 1, 2 * 30)
    for seen in trace.epochs():
        assert seen.place.tolist() == made.manifest.selected(seen.epoch).indices.tolist()
    assert trace.header.cost.seconds is None
