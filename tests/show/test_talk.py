"""What commands say: results on stdout, talk on stderr, numbers that are none as null."""

import json
from pathlib import Path

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
