"""Headers of scores, what they cost, and what is made of them."""

import json
import re

import pytest
from helpers.scored_digits import FP32, TRAINED

import curate
from curate.artifacts.header import RankingColumn, cost_of

pytest_plugins = ["helpers.scored_digits"]


def test_the_header_says_how_and_what_it_cost(scored, some_digits):
    table, trace = scored
    options = table.header.options
    assert options["n_models"] == 2
    assert options["n_epochs"] == 2
    assert options["method"].split(",") == [name.replace("-", "_") for name in TRAINED]
    assert table.header.cost.samples_seen == 2 * 2 * len(some_digits)
    assert table.header.cost.seconds > 0
    cost = curate.open_trace(trace).header.cost
    assert cost.samples_seen == table.header.cost.samples_seen
    assert 0 < cost.seconds <= table.header.cost.seconds
    assert curate.open_trace(trace).samples_seen == 2 * 2 * len(some_digits)
    assert table.header.columns["aum"] == RankingColumn("low", unlearned_beyond=0.0)
    assert table.header.columns["forgetting"].unlearned_beyond == 2 * 2 / 2
    assert table.header.columns["grand"] == RankingColumn("high")


def test_the_same_call_gives_the_same_scores(scored, some_digits, tmp_path):
    table, _ = scored
    again = curate.score(
        some_digits,
        TRAINED,
        models=2,
        epochs=2,
        side_by_side=True,
        hyperparameters=FP32,
        output=tmp_path / "again",
        seed=5,
    )
    assert all((again[name] == table[name]).all() for name in table.columns)
    same = {key: value for key, value in table.header.to_json().items() if key not in ("cost", "sha256")}
    assert {key: again.header.to_json()[key] for key in same} == same


def test_replay_counts_what_scoring_cost_unless_told_not_to(tmp_path, cli):
    table = curate.score("digits", "el2n", models=2, epochs=1, output=tmp_path / "s")
    manifest = curate.select(table, "top", keep=0.2, output=tmp_path / "m")
    cost = table.header.cost
    assert cost_of(manifest.header.lineage) == (cost.seconds, cost.samples_seen)
    words = ["replay", manifest.path, "--trials", "1", "--epochs", "1", "--against", "random", "--json"]
    counted, not_counted = (json.loads(cli(*words, *more).out) for more in ([], ["--no-scoring"]))
    assert counted["scoring_seconds"] == cost.seconds
    assert not_counted["scoring_seconds"] == not_counted["scoring_samples_seen"] == 0
    ours, random = counted["runs"]
    training = ours["trials"][0]["train_seconds"] + ours["trials"][0]["select_seconds"]
    assert ours["seconds"]["mean"] == pytest.approx(cost.seconds + training)
    assert random["seconds"]["mean"] == pytest.approx(
        random["trials"][0]["train_seconds"] + random["trials"][0]["select_seconds"]
    )
    result = cli(*words[:-1]).out
    assert "seconds scoring" in result
    assert f"{cost.samples_seen:,}" in result
    assert "seconds scoring" not in cli(*words[:-1], "--no-scoring").out


def test_inspect_says_what_scoring_cost(scored, tmp_path, cli):
    table, _ = scored
    manifest = curate.select(table, "top", keep=0.2, output=tmp_path / "m")
    seconds, n_seen = table.header.cost.seconds, table.header.cost.samples_seen
    for path in (table.path, manifest.path):
        facts = dict(json.loads(cli("inspect", path, "--json").out)["facts"])
        assert facts["scoring cost"] == f"{seconds:,.1f} s, {n_seen:,} samples seen in training"


def test_inspect_invents_no_seconds_for_a_run_that_notes_none(tmp_path, cli):
    recipe = {"n_epochs": 1}
    run = curate.train(
        "digits", policy="full", hyperparameters=recipe, trace=True, output=tmp_path / "run"
    ).manifest
    facts = dict(json.loads(cli("inspect", run.path / "trace.parquet", "--json").out)["facts"])
    assert facts["scoring cost"] == "a training run of unknown time, 1,443 samples seen in training"


def test_replay_invents_no_seconds_for_a_run_that_notes_none(tmp_path, cli):
    words = {"hyperparameters": {"n_epochs": 1}, "policy": "full", "trace": True}
    curate.train("digits+per-class=8", **words, output=tmp_path / "run")
    table = curate.score(trace=tmp_path / "run", method="aum", output=tmp_path / "s")
    manifest = curate.select(table, "top", keep=0.5, output=tmp_path / "m")
    words = ["replay", manifest.path, "--trials", "1", "--epochs", "1", "--against", "random"]
    outcome = json.loads(cli(*words, "--json").out)
    assert (outcome["scoring_seconds"], outcome["scoring_samples_seen"]) == (None, 80)
    assert outcome["runs"][0]["seconds"] is None
    assert outcome["runs"][1]["seconds"]["mean"] > 0
    result = cli(*words).out
    for name in ("seconds scoring", "seconds in all"):
        line = next(line for line in result.splitlines() if name in line)
        assert re.search(rf"{name}\W+unknown\W+\d+\.\d\d\b", line)
    facts = dict(json.loads(cli("inspect", manifest.path, "--json").out)["facts"])
    assert facts["scoring cost"] == "a training run of unknown time, 80 samples seen in training"


def test_a_run_is_counted_once_for_its_scores_and_its_trace(scored, some_digits, tmp_path):
    table, trace = scored
    later = curate.score(some_digits, "margin", trace=trace, output=tmp_path / "margin")
    parts = [
        curate.select(one, "top", keep=0.1, output=tmp_path / f"m{number}")
        for number, one in enumerate((table, later))
    ]
    for number, one in enumerate((parts, parts[::-1])):
        made = curate.compare(*one, combine="union", output=tmp_path / f"u{number}").combined
        whole, own = table.header.cost, later.header.cost
        expected = (pytest.approx(whole.seconds + own.seconds), whole.samples_seen)
        assert cost_of(made.header.lineage) == expected


def test_scores_that_two_manifests_share_are_counted_once(scored, tmp_path):
    table, _ = scored
    parts = [curate.select(table, "top", keep=k, output=tmp_path / f"{k}") for k in (0.1, 0.2)]
    both = curate.select(table, "bottom", keep=0.1, output=tmp_path / "b")
    made = curate.compare(parts[1].path, both.path, combine="union", output=tmp_path / "u")
    assert made is not None
    assert cost_of(curate.open_manifest(tmp_path / "u").header.lineage)[1] == table.header.cost.samples_seen


def test_scores_from_a_trace_cost_what_the_trace_cost(scored, some_digits, tmp_path, capsys):
    _, trace = scored
    names = ["aum", "margin"]
    scores = [
        curate.score(trace=trace, method=name, source=some_digits, output=tmp_path / name) for name in names
    ]
    kept = [curate.select(one, "top", keep=0.1, output=tmp_path / f"m-{one.path.name}") for one in scores]
    own = sum(one.header.cost.seconds for one in scores)
    run = curate.open_trace(trace).header.cost
    made = curate.compare(*(one.path for one in kept), combine="union", output=tmp_path / "u").combined
    assert cost_of(made.header.lineage) == (pytest.approx(own + run.seconds), run.samples_seen)


def test_reading_a_trace_that_is_there_is_said(scored, cli, tmp_path):
    result = cli("score", "digits", "--method", "aum", "--trace", scored[1], "-o", tmp_path / "x")
    assert result.code == 2  # of another part of digits
    folder = tmp_path / "run"
    curate.train("digits", hyperparameters={"n_epochs": 1}, trace=True, output=folder)
    result = cli(
        "score", "digits", "--method", "aum", "--trace", folder / "trace.parquet", "-o", tmp_path / "y"
    )
    assert result.code == 0
    assert "which is there already: nothing is trained" in result.err


def test_every_table_of_scores_can_be_inspected(scored, digits_round, cli, here):
    curate.score(digits_round.table, "prototypicality", output="p.parquet")
    curate.score(digits_round.embedding, "duplicate", output="d.parquet")
    for path, more in ((scored[0].path, []), ("p.parquet", ["--sheet"]), ("d.parquet", ["--sheet"])):
        result = cli("inspect", path, *(word for one in more for word in (one, f"{path}.png")))
        assert result.code == 0, result.err
        assert "is hard" in result.out
    assert (
        "leave out --column x" in cli("inspect", digits_round.table, "--sheet", "y.png", "--column", "x").err
    )
    assert cli("inspect", digits_round.table, "--column", "x").code == 2
