"""What a loop of one's own leaves: a manifest as of `curate train`, with the trace of what it saw."""

import numpy as np
import pytest
from click.testing import CliRunner

import curate
from curate.artifacts.results import read_results
from curate.cli.main import curate as commands


@pytest.fixture(scope="module")
def data():
    return curate.open_dataset("digits").take(np.arange(120))


def driven(data, epochs=10, stop=None, **asked):
    """A Pruner whose losses are made up: sample i is always at i / n, and its logits say so."""
    pruner = curate.Pruner(data, epochs=epochs, **asked)
    for epoch in range(epochs if stop is None else stop):
        pruner.set_epoch(epoch)
        index = np.array(list(pruner.sampler))
        logits = np.zeros((len(index), 10))
        logits[np.arange(len(index)), data.labels[index]] = 1 - index / len(data)
        pruner.observe(index, index / len(data), logits)
    return pruner


def test_a_manifest_has_counts_groups_memory_and_where_it_came_from(data, tmp_path):
    manifest = driven(data, policy="ema", keep=0.25, warm_up=1, seed=3).save(tmp_path / "m")
    again = curate.open_manifest(tmp_path / "m")
    assert again.header == manifest.header
    assert again.header.command == "pruner"
    assert again.header.options["policy"] == "ema"
    assert again.header.options["warm_up"] == {"n_epochs": 1}
    assert again.header.options["observes"] == "training"
    assert again.header.seed == 3
    assert again.header.dataset == data.header()
    assert again.header.summary["checkpoints"] == list(range(1, 10))
    assert again.header.summary["samples_seen"] == 300
    assert "groups" in again.header.summary
    assert {"loss_mean", "n_checkpoints_selected", "group", "p_always"} <= set(again.samples)
    assert "curate.Pruner" in (tmp_path / "m" / "README.md").read_text()


def test_what_stays_the_same_is_static(data, tmp_path):
    assert driven(data, policy="full").save(tmp_path / "full").is_static
    assert driven(data, policy="random", keep=0.5, period=10).save(tmp_path / "random").is_static


def test_a_run_that_ends_early_has_the_epochs_that_were(data, tmp_path):
    manifest = driven(data, stop=4, policy="random", keep=0.25, period=1).save(tmp_path / "m")
    assert manifest.n_epochs == 4
    assert manifest.header.summary["samples_seen"] == 4 * 30


def test_scores_are_made_of_its_trace(data, tmp_path):
    driven(data, policy="ucb", keep=0.5, trace=True).save(tmp_path / "m")
    trace = curate.open_trace(tmp_path / "m")
    assert trace.n_epochs == 10
    for epoch in trace.epochs():
        np.testing.assert_allclose(epoch.loss, epoch.place / 120, atol=1e-3)
        np.testing.assert_allclose(epoch.margin, 1 - epoch.place / 120, atol=1e-3)
        assert epoch.correct[epoch.place < 119].all()
    scores = curate.score(trace=tmp_path / "m", method="aum", output=tmp_path / "aum.parquet")
    seen = ~np.isnan(scores["aum"])
    np.testing.assert_allclose(scores["aum"][seen], (1 - np.arange(120) / 120)[seen], atol=1e-3)


def test_commands_take_it_for_what_it_is(data, tmp_path):
    whole = curate.open_dataset("digits")
    pruner = curate.Pruner(whole, policy="random", keep=0.2, period=1, epochs=2, seed=5)
    for epoch in range(2):
        pruner.set_epoch(epoch)
        pruner.observe(np.array(list(pruner.sampler)), np.ones(len(pruner.selected)))
    pruner.save(tmp_path / "m")
    shown = CliRunner().invoke(commands, ["inspect", str(tmp_path / "m")])
    assert shown.exit_code == 0, shown.output
    assert "random" in shown.output
    curate.replay(
        tmp_path / "m",
        trials=1,
        hyperparameters={"n_epochs": 2},
        options={"width": 1},
        output=tmp_path / "r.parquet",
    )
    (row,) = read_results(tmp_path / "r.parquet")
    assert row.seed == 6  # what judges shares no seed with what selected


def test_samples_that_curate_never_saw_are_named_by_their_keys(tmp_path):
    keys = [f"text-{number}" for number in range(30)]
    pruner = curate.Pruner(30, keep=0.5, epochs=1, keys=keys, name="my texts")
    pruner.set_epoch(0)
    manifest = pruner.save(tmp_path / "m")
    assert manifest.header.dataset.reference == "my texts"
    other = curate.Pruner(30, keep=0.5, epochs=1, keys=keys[::-1])
    assert (manifest.samples["uid"] == other._samples.uids[::-1]).all()
    assert "label" not in manifest.samples
