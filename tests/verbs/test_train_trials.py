"""train --trials: a run per seed, found again, and the row that each is in the results."""

import json
import math

import numpy as np
import pytest
from helpers.commands import Noted, assert_error
from helpers.trained import sha_of_saved

import curate
from curate.artifacts.results import read_results
from curate.errors import CurateError
from curate.verbs import train_session as verb
from curate.verbs.train import train
from curate.verbs.train_trials import train_trials

SHORT = {"hyperparameters": {"n_epochs": 2}, "options": {"width": 2}}


class PulledPlugError(Exception):
    """As a kill: nothing is cleaned up by the code under test."""


@pytest.fixture
def small(digits):
    return digits.take(np.arange(200))


def test_trials_are_the_runs_of_their_seeds(small):
    made = train_trials(
        small, policy="random", keep=0.5, trials=2, seed=3, test="digits", output="runs", **SHORT
    )
    assert made.path.name == "runs-trials.parquet"
    assert [row.seed for row in made.outcomes] == [3, 4]
    assert read_results(made.path) == made.outcomes
    alone = train(small, policy="random", keep=0.5, seed=4, test="digits", output="alone", **SHORT)
    row = made.outcomes[1]
    assert (
        row.weights_sha256
        == sha_of_saved("alone/model.safetensors")
        == sha_of_saved("runs-seed-4/model.safetensors")
    )
    assert row.manifest_sha256 == curate.open_manifest("runs-seed-4").header.sha256
    assert (row.name, row.accuracy, row.samples_seen) == ("random", alone.epochs[-1].test_accuracy, 200)
    assert row.accuracy_per_epoch == [epoch.test_accuracy for epoch in alone.epochs]
    assert (
        row.times_selected
        == np.bincount(alone.manifest.samples["n_checkpoints_selected"], minlength=3).tolist()
    )
    assert sum(count * times for times, count in enumerate(row.times_selected)) == 200
    accuracies = [row.accuracy for row in made.outcomes]
    assert made.summary("accuracy").mean == pytest.approx(np.mean(accuracies))
    assert made.summary("accuracy").std == pytest.approx(np.std(accuracies, ddof=1))


def test_what_is_there_is_not_trained_again(small, monkeypatch):
    shared = {"test": "digits", "output": "runs", **SHORT}
    one = train_trials(small, trials=1, **shared)
    trained = []
    fit = verb.fit
    monkeypatch.setattr(verb, "fit", lambda *a, seed, **k: trained.append(seed) or fit(*a, seed=seed, **k))
    noted = Noted()
    two = train_trials(small, trials=2, progress=noted, **shared)
    assert trained == [1]
    assert two.outcomes[0] == one.outcomes[0]
    assert "runs-seed-0 is there already, and its row in runs-trials.parquet" in " ".join(noted.notes)
    first = two.trials[0].epochs
    assert [epoch.test_accuracy for epoch in first] == two.outcomes[0].accuracy_per_epoch
    with pytest.raises(CurateError, match="runs-seed-0 exists: use --force to replace it"):
        train_trials(small, trials=1, policy="random", keep=0.5, **shared)
    train_trials(small, trials=1, force=True, **shared)
    assert trained == [1, 0]


@pytest.mark.parametrize("moment", ["before the row", "after the row"])
def test_killed_once_the_folder_stands_the_same_command_finishes(moment, small, monkeypatch, here):
    shared = {"test": "digits", "output": "runs", "trials": 1, **SHORT}
    add = verb.SessionRow.add

    def killed(self, *rest):
        if moment == "after the row":
            add(self, *rest)
        raise PulledPlugError

    with monkeypatch.context() as patch:
        patch.setattr(verb.SessionRow, "add", killed)
        with pytest.raises(PulledPlugError):
            train_trials(small, **shared)
    assert (curate.open_manifest("runs-seed-0").path / "model.safetensors").exists()
    made = train_trials(small, **shared)
    (row,) = read_results("runs-trials.parquet")
    assert row == made.outcomes[0]
    assert row.train_seconds > 0  # of the epochs before the kill
    assert row.manifest_sha256 == curate.open_manifest("runs-seed-0").header.sha256
    assert sorted(file.name for file in here.iterdir()) == ["runs-seed-0", "runs-trials.parquet"]


def test_a_full_run_counts_no_selections_and_an_unlooked_epoch_is_nan(small):
    made = train(
        small, test="digits", output="run", results="r.parquet", evaluate_every=2, options={"width": 2},
        hyperparameters={"n_epochs": 3},
    )  # fmt: skip
    assert made.outcome.times_selected == []
    assert made.outcome.n_selected_per_epoch == 200
    assert [math.isnan(value) for value in made.outcome.accuracy_per_epoch] == [True, False, False]


def test_what_cannot_be_kept_is_refused_before_training(small, here):
    with pytest.raises(CurateError, match="trials=0 is too few: use 1 or more"):
        train_trials(small, trials=0)
    (here / "r.parquet").write_text("mine")
    with pytest.raises(CurateError, match="is not a readable results file"):
        train(small, results="r.parquet", **SHORT)
    everything = curate.open_dataset("digits", curate.Options(split="all"))
    with pytest.raises(CurateError, match="no test set, and results need one: name one with --test"):
        train(everything, results="s.parquet", opening=curate.Options(split="all"), **SHORT)


def test_the_command_says_mean_and_spread(cli):
    words = ("train", "digits", "--epochs", 1, "--set", "width=2", "--trials", 2)
    result = cli(*words)
    assert result.code == 0, result.err
    *seeds, last, path = result.out.splitlines()
    assert [line.partition(":")[0] for line in seeds] == ["seed 0", "seed 1"]
    assert "(n = 2), after the last epoch" in last
    assert path == "digits-full-1-epochs-width-2-trials.parquet"
    printed = json.loads(cli(*words, "--json").out)
    assert printed["accuracy"]["n"] == 2
    assert [trial["seed"] for trial in printed["trials"]] == [0, 1]
    assert_error(cli(*words[:-1], 0), "trials=0 is too few")


def test_a_policy_named_alone_keeps_a_half_and_says_so_once(cli, here):
    words = ("train", "digits", "--epochs", 2, "--set", "width=2", "--policy", "ema")
    result = cli(*words, "--trials", 2)
    assert result.last == "digits-ema-0.5-2-epochs-width-2-trials.parquet"
    assert result.err.count("policy ema keeps 0.5 of the samples; --keep says otherwise") == 1
    one = cli(*words)
    assert one.last == "digits-ema-0.5-2-epochs-width-2"
    assert curate.open_manifest(one.last).n_selected(0) == 722  # of 1443
