"""What commands say: results on stdout, talk on stderr, numbers that are none as null."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np

from curate.artifacts.header import Cost, DatasetReference, RankingColumn, make_header
from curate.artifacts.tables import Table
from curate.show import talk


def test_numbers_that_are_none_are_null_however_deep(capsys):
    talk.json_object({"b": [1.5, float("nan"), {"c": float("inf")}], "a": (float("-inf"), 2)})
    outcome = capsys.readouterr()
    assert json.loads(outcome.out) == {"a": [None, 2], "b": [1.5, None, {"c": None}]}
    assert outcome.err == ""


def test_a_result_is_a_path_or_one_object(capsys):
    talk.result(Path("x"), {"n": 3}, as_json=False)
    talk.result(Path("x"), {"n": 3}, as_json=True)
    line, *rest = capsys.readouterr().out.splitlines()
    assert line == "x"
    assert json.loads("\n".join(rest)) == {"path": "x", "n": 3}


def test_where_there_is_no_terminal_notes_are_said_and_no_bar_is_drawn(capsys):
    with talk.progress() as progress, progress.task("train", 2, "samples"):
        progress.advance(1, loss=0.5)
        progress.note("skipped [1].png")
    outcome = capsys.readouterr()
    assert (outcome.out, outcome.err) == ("", "skipped [1].png\n")


def scored(folder, **more):
    """A small table of scores of two models."""
    dataset = DatasetReference("hand", "all", 3, [], "0" * 64)
    header = make_header(
        "scores", "score", seed=0, dataset=dataset, columns={"el2n": RankingColumn("high")}, **more
    )
    columns = {"index": np.arange(3), "uid": np.arange(3, dtype=np.uint64), "el2n": np.zeros(3)}
    return Table(folder / "s.parquet", replace(header, cost=Cost(1.0, 6)), columns)


def test_scores_say_after_which_epoch_of_how_many_the_models_were_looked_at(tmp_path, capsys):
    options = {"n_models": 2, "n_epochs": 3, "recipe": {"n_epochs": 30}}
    talk.scores(scored(tmp_path, options=options))
    said = capsys.readouterr().err
    assert "el2n (high is hard); 2 models after epoch 3 of 30\n" in said
    assert "--strategy top --keep 0.5" in said
    talk.scores(scored(tmp_path, options=options | {"n_models": 1}))
    assert "; 1 model after epoch 3 of 30\n" in capsys.readouterr().err
    talk.scores(scored(tmp_path, options={"n_models": 2, "n_epochs": 3}))
    assert "after epoch" not in capsys.readouterr().err


def test_scores_say_how_many_groups_there_are(tmp_path, capsys):
    talk.scores(scored(tmp_path, options={}, summary={"n_groups": 2}))
    said = capsys.readouterr().err
    assert "2 groups of near-duplicates and single samples: so many keep one of each" in said
    assert "--strategy top --keep 2" in said
