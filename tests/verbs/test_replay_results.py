"""The results of a replay: every trial is kept as it comes, found again, and shared between replays."""

import dataclasses
import json
import math

import pytest
from helpers.commands import Noted, assert_error

import curate
from curate.artifacts.results import read_results
from curate.errors import CurateError
from curate.training.trials import Laboratory

ONE = {"n_epochs": 1}


class PulledPlugError(Exception):
    """As a kill: nothing is cleaned up by the code under test."""


@pytest.fixture
def counted(monkeypatch):
    """The trials that were really trained, by name and seed; the plug is pulled before trial `stop`."""
    trained, stop = [], []
    trial = Laboratory.trial

    def counting(self, wanted, progress):
        if len(trained) in stop:
            raise PulledPlugError
        trained.append((wanted.name, wanted.seed))
        return trial(self, wanted, progress)

    monkeypatch.setattr(Laboratory, "trial", counting)
    return trained, stop


def test_rows_say_what_the_trials_found(digits_round):
    outcome = curate.replay(
        digits_round.manifest, hyperparameters={"n_epochs": 3}, trials=1, against=["full"]
    )
    assert outcome.path.name == "digits-furthest-3-epochs-replay.parquet"
    ours, full = read_results(outcome.path)
    trial = outcome.runs[0].trials[0]
    manifest = curate.open_manifest(digits_round.manifest)
    assert (ours.name, full.name) == ("digits-furthest", "full")
    assert (ours.manifest_sha256, full.manifest_sha256) == (manifest.header.sha256, "")
    assert (ours.n_selected_per_epoch, full.n_selected_per_epoch) == (433, 1443)
    for name in ("accuracy", "worst_class", "test_loss", "samples_seen", "weights_sha256", "train_seconds"):
        assert getattr(ours, name) == getattr(trial, name)
    assert ours.accuracy_per_epoch[-1] == ours.accuracy
    assert [math.isnan(value) for value in ours.accuracy_per_epoch] == [True, True, False]
    settings = json.loads(ours.settings)
    assert settings["hyperparameters"]["n_epochs"] == 3
    assert "full" in json.loads(full.settings)["control"]


def test_along_the_run_the_test_set_is_looked_at_when_asked(digits_round):
    plain = curate.replay(
        digits_round.manifest, hyperparameters={"n_epochs": 5}, trials=1, output="a.parquet"
    )
    often = curate.replay(
        digits_round.manifest, hyperparameters={"n_epochs": 5}, trials=1, evaluate_every=2, output="b.parquet"
    )
    (row,) = read_results("b.parquet")
    assert [math.isnan(value) for value in row.accuracy_per_epoch] == [True, False, True, False, False]
    assert row.evaluate_seconds > 0
    assert row.weights_sha256 == plain.runs[0].trials[0].weights_sha256
    assert often.runs[0].trials[0].accuracy == plain.runs[0].trials[0].accuracy


@pytest.mark.parametrize("stop", [1, 3])
def test_after_a_kill_the_same_command_goes_on(stop, digits_round, counted):
    trained, stops = counted
    shared = {"hyperparameters": ONE, "trials": 2, "against": ["random"]}
    stops.append(stop)
    with pytest.raises(PulledPlugError):
        curate.replay(digits_round.manifest, **shared)
    assert len(read_results("digits-furthest-1-epochs-replay.parquet")) == stop
    stops.clear()
    noted = Noted()
    outcome = curate.replay(digits_round.manifest, progress=noted, **shared)
    assert trained == [("manifest", 0), ("random", 0), ("manifest", 1), ("random", 1)]
    assert outcome.n_found == stop
    assert f"has {stop} of 4 trials already" in " ".join(noted.notes)
    undisturbed = curate.replay(digits_round.manifest, output="anew.parquet", **shared)
    for run, other in zip(outcome.runs, undisturbed.runs, strict=True):
        assert [t.weights_sha256 for t in run.trials] == [t.weights_sha256 for t in other.trials]
    assert [row.key for row in read_results("anew.parquet")] == [
        row.key for row in read_results(outcome.path)
    ]


def test_full_training_is_shared_by_the_replays_of_two_manifests(digits_round, counted):
    trained, _ = counted
    other = curate.select(digits_round.table, "closest", keep=0.3, output="closest")
    for manifest in (digits_round.manifest, other):
        curate.replay(
            manifest, hyperparameters=ONE, trials=1, against=["full", "random"], output="both.parquet"
        )
    assert [name for name, _ in trained] == ["manifest", "full", "random", "manifest"]


@pytest.mark.parametrize(
    "change",
    [{"hyperparameters": {"n_epochs": 2}}, {"seed": 1}, {"options": {"width": 4}}, {"model": "lenet5"}],
)
def test_trials_of_other_settings_are_others(change, digits_round, counted):
    trained, _ = counted
    shared = {"hyperparameters": ONE, "trials": 1}
    for more in ({}, change):
        curate.replay(digits_round.manifest, **{**shared, **more})
    assert len(trained) == 2


def test_force_begins_anew_with_the_first_trial(digits_round, counted):
    trained, stops = counted
    curate.replay(digits_round.manifest, hyperparameters=ONE, trials=2)
    stops.append(2)
    with pytest.raises(PulledPlugError):
        curate.replay(digits_round.manifest, hyperparameters=ONE, trials=2, force=True)
    there = read_results("digits-furthest-1-epochs-replay.parquet")
    assert len(there) == 2  # nothing new: what was there stands
    stops.clear()
    curate.replay(digits_round.manifest, hyperparameters=ONE, trials=1, force=True)
    assert len(read_results("digits-furthest-1-epochs-replay.parquet")) == 1
    assert len(trained) == 3


def test_a_file_that_holds_something_else_is_refused_before_training(digits_round, counted, cli, here):
    (here / "notes.parquet").write_text("mine")
    result = cli("replay", digits_round.manifest, "-o", "notes.parquet")
    assert_error(result, "notes.parquet is not a readable results file")
    assert counted[0] == []
    with pytest.raises(CurateError, match="holds no results: name what `curate replay`"):
        curate.replay(digits_round.manifest, output=digits_round.table)


def test_the_command_ends_with_the_file_it_wrote(digits_round, cli):
    result = cli("replay", digits_round.manifest, "--epochs", 1, "--trials", 1, "-o", "r.parquet")
    assert result.code == 0, result.err
    assert result.out.splitlines()[-1] == "r.parquet"
    again = cli("replay", digits_round.manifest, "--epochs", 1, "--trials", 1, "-o", "r.parquet", "--json")
    assert json.loads(again.out)["path"] == "r.parquet"
    assert json.loads(again.out)["n_found"] == 1


def test_a_trial_comes_back_from_its_row(digits_round):
    outcome = curate.replay(digits_round.manifest, hyperparameters=ONE, trials=1)
    again = curate.replay(digits_round.manifest, hyperparameters=ONE, trials=1)
    first, found = outcome.runs[0].trials[0], again.runs[0].trials[0]
    assert dataclasses.asdict(first) == dataclasses.asdict(found)
