"""From results to a card: the latest replay of a manifest, beside the controls of the same settings."""

from dataclasses import replace

import pytest

import curate
from curate.artifacts.results import read_results
from curate.errors import CurateError
from curate.verbs.outcomes import replay_in, seconds_of

ONE = {"n_epochs": 1}


def test_the_latest_settings_count_beside_their_own_controls(digits_round):
    manifest = curate.open_manifest(digits_round.manifest)
    shared = {"against": ["full", "random"], "output": "r.parquet", "options": {"width": 2}}
    curate.replay(manifest, hyperparameters={"n_epochs": 2}, trials=1, **shared)
    latest = curate.replay(manifest, hyperparameters=ONE, trials=2, **shared)
    found = replay_in(read_results("r.parquet"), manifest, "r.parquet")
    printed = latest.as_dict()
    assert found["recipe"]["n_epochs"] == 1
    assert [run["name"] for run in found["runs"]] == ["manifest", "full", "random"]
    for ours, theirs in zip(found["runs"], printed["runs"], strict=True):
        assert ours["accuracy"] == theirs["accuracy"]
        assert ours["trials"][0]["samples_seen"] == theirs["trials"][0]["samples_seen"]
        assert ours["seconds"]["mean"] == pytest.approx(theirs["seconds"]["mean"])


def test_a_random_control_of_another_budget_is_not_one_of_this_manifest(digits_round):
    smaller = curate.select(digits_round.table, "furthest", keep=0.1, output="smaller")
    for manifest, controls in ((smaller, ["random"]), (digits_round.manifest, [])):
        curate.replay(manifest, hyperparameters=ONE, trials=1, against=controls, output="r.parquet")
    rows = read_results("r.parquet")
    named = replay_in(rows, curate.open_manifest(digits_round.manifest), "r.parquet")
    assert [run["name"] for run in named["runs"]] == ["manifest"]
    assert [run["name"] for run in replay_in(rows, smaller, "r.parquet")["runs"]] == ["manifest", "random"]


def test_results_of_another_manifest_are_refused(digits_round):
    other = curate.select(digits_round.table, "closest", keep=0.3, output="other")
    outcome = curate.replay(digits_round.manifest, hyperparameters=ONE, trials=1)
    with pytest.raises(CurateError, match="is of another manifest than other: replay this one"):
        replay_in(read_results(outcome.path), other, outcome.path)


def test_seconds_are_known_where_every_part_is(digits_round):
    outcome = curate.replay(digits_round.manifest, hyperparameters=ONE, trials=1)
    (row,) = read_results(outcome.path)
    whole = replace(row, scoring_seconds=1.0, select_seconds=2.0, train_seconds=4.0)
    assert seconds_of(whole) == 7.0
    assert seconds_of(whole, scoring=False) == 6.0
    assert seconds_of(replace(whole, scoring_seconds=None)) is None
    assert seconds_of(replace(whole, scoring_seconds=None), scoring=False) == 6.0
