"""select: budgets, class floors, reasons, parents, and what is said of the choice."""

import json

import numpy as np
import pytest
from helpers.tables import clusters_table, score_table

import curate
from curate.artifacts.tables import open_table, write_table
from curate.errors import CurateError
from curate.manifests.manifest import open_manifest


def test_what_the_user_sets_goes_before_what_a_regime_means(digits_round, tmp_path):
    table = curate.score(digits_round.table, "prototypicality", output=tmp_path / "s")
    made = curate.select(table, regime="stratified", keep=0.1, output=tmp_path / "a")
    assert made.header.options["cut"] == 0.3
    options = {"cut": "0.05"}
    made = curate.select(table, regime="stratified", keep=0.1, options=options, output=tmp_path / "b")
    assert made.header.options["cut"] == 0.05


def test_select_says_what_it_chose_and_why(here, cli, tmp_path):
    chance = np.random.default_rng(0)
    curate.score(_vectors(here, chance), "duplicate", output="s.parquet")
    result = cli("select", "s.parquet", "--regime", "auto", "--keep", "0.5")
    assert result.code == 0
    assert "without labels it is not known how much is kept of a class" in result.err
    header = json.loads((here / result.last / "manifest.json").read_text())
    assert header["options"]["regime"] == "auto"
    assert header["summary"]["why"] in result.err.replace("\n", " ")
    assert result.last == f"s-{header['options']['strategy']}-0.5"


def _vectors(folder, chance):
    path = folder / "v.npy"
    np.save(path, chance.normal(size=(50, 4)).astype(np.float32))
    return path


def test_strategy_and_regime_exclude_each_other(digits_round, tmp_path):
    with pytest.raises(CurateError, match="strategy top and regime hard are both named: name one"):
        curate.select(digits_round.table, "top", regime="hard", output=tmp_path / "m")
    with pytest.raises(CurateError, match="there is no regime 'harder': did you mean hard"):
        curate.select(digits_round.table, regime="harder", output=tmp_path / "m")


def test_the_default_strategy_is_that_of_the_table(digits_round, tmp_path):
    made = curate.select(digits_round.table, output=tmp_path / "c")
    assert made.header.options["strategy"] == "furthest"
    table = curate.score(digits_round.table, "prototypicality", output=tmp_path / "s")
    assert curate.select(table, output=tmp_path / "s-top").header.options["strategy"] == "top"


def test_what_samples_are_ranked_by_is_on_record_and_said(tmp_path, cli):
    columns = {"label": [0, 0, 1, 1], "el2n": [4, 3, 2, 1], "aum": [1, 2, 3, 4]}
    table = score_table(tmp_path / "t.parquet", "high", **columns)
    write_table(table.path, table.header, table.columns)
    assert cli("select", table.path, "--keep", "0.5", "-o", tmp_path / "m").code == 0
    assert open_manifest(tmp_path / "m").header.options["column"] == "el2n"
    result = cli("select", table.path, "--keep", "0.5", "--set", "column=aum", "-o", tmp_path / "n").err
    assert "kept 2 of 4 samples (50.0%) by aum\n" in result
    refused = cli("select", table.path, "--strategy", "closest", "-o", tmp_path / "c")
    assert "t.parquet has no clusters: make them with `curate cluster`" in refused.err


def test_the_same_selection_gives_the_same_bytes(digits_round, tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        curate.select(digits_round.table, "furthest", keep=0.3, output=tmp_path / name / "same")
    for file in sorted((tmp_path / "one" / "same").iterdir()):
        assert file.read_bytes() == (tmp_path / "two" / "same" / file.name).read_bytes(), file.name


def test_budgets_are_exact_and_nest(digits_round, tmp_path):
    sets = []
    for count in (20, 21, 300, 1443):
        made = curate.select(digits_round.table, "hybrid", keep=count, output=tmp_path / str(count))
        sets.append(set(made.selected(0).indices.tolist()))
        assert len(sets[-1]) == count
    assert sets[0] < sets[1] < sets[2] < sets[3]


def test_samples_say_why_each_is_in_or_out(digits_round, tmp_path):
    made = curate.select(digits_round.table, "top", keep=40, class_floor=0.9, output=tmp_path / "m")
    samples = made.samples
    kept = samples["n_selected"] > 0
    reasons = set(
        zip(samples["reason"].tolist(), kept.tolist(), (samples["rank"] < 40).tolist(), strict=True)
    )
    assert reasons == {
        ("ranked", True, True),
        ("class floor", True, False),
        ("gave way to the class floor", False, True),
        ("beyond the budget", False, False),
    }


def test_class_floor_holds_on_digits(digits_round, tmp_path):
    made = curate.select(digits_round.table, "top", keep=100, class_floor=0.5, output=tmp_path / "m")
    labels = made.samples["label"]
    kept = np.bincount(labels[made.samples["n_selected"] > 0], minlength=10)
    assert (kept >= np.floor(0.5 * 100 * np.bincount(labels) / len(labels))).all()


def test_class_floor_without_labels_is_an_error(tmp_path):
    table = clusters_table(tmp_path / "t.parquet", [0, 0, 1], [1.0, 2.0, 3.0], seal=True)
    with pytest.raises(CurateError, match=r"has no labels and class-floor=0.5 needs them"):
        curate.select(table, keep=2, class_floor=0.5, output=tmp_path / "m")


def test_the_header_names_parents_and_lineage(digits_round):
    header = open_manifest(digits_round.manifest).header
    table = open_table(digits_round.table)
    assert header.parents["clusters"] == table.header.sha256
    assert header.parents["embedding"] == table.header.parents["embedding"]
    assert [step.command for step in header.lineage] == ["embed", "cluster"]
