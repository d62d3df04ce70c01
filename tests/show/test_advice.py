"""Advice on the terminal: what was measured, what each policy would do, and the command last."""

import io
from pathlib import Path

from helpers.results import FULL, RANDOM
from rich.console import Console

from curate.recipes.advise import Advice, Option, Prediction
from curate.recipes.run import RunResult
from curate.show.advice import print_advice

ADVICE = Advice(
    options=[Option("random", 0.3, 100, 0.0123, 0.01, 0.015, 0.5)],
    verdict="random at keep 0.3 loses 1.23 points",
    pays=True,
    command="curate train d --policy random --keep 0.3",
    full_hours=1.5,
    pilot=RunResult(Path("pilot.parquet"), None, [*FULL, *RANDOM], {}),
    pilot_epochs=20,
    predictions=[
        Prediction("random", 0.3, 0.012, 0.01, 0.014, [0.011, 0.012, 0.013]),
        Prediction("random", 0.1, 0.03, 0.02, 0.04, [0.05]),
    ],
)


def test_everything_is_told_and_the_command_comes_last(capsys):
    console = Console(file=io.StringIO(), width=100)
    print_advice(ADVICE, console, as_json=False)
    text = console.file.getvalue()
    assert "pilot, 20 epochs (pilot.parquet)" in text
    assert "90.10 ± 0.10 (3)" in text
    assert "1.23 [1.00, 1.50]" in text
    assert "predictions held to whole runs: 1 of 2 hit" in text
    assert "1.20 ± 0.10 (3)" in text
    assert "5.00 (1)" in text
    assert "random at keep 0.3 loses 1.23 points" in text
    assert capsys.readouterr().out == "curate train d --policy random --keep 0.3\n"


def test_as_json_it_is_one_object(capsys):
    import json

    print_advice(ADVICE, Console(file=io.StringIO()), as_json=True)
    printed = json.loads(capsys.readouterr().out)
    assert printed["pays"] is True
    assert printed["options"][0]["loss"] == 0.0123
    assert [one["hit"] for one in printed["predictions"]] == [True, False]
