"""Advice on the terminal: what was measured, what each policy would do, and the command."""

from collections.abc import Sequence
from dataclasses import asdict

from rich.console import Console
from rich.table import Table
from rich.text import Text

from curate.recipes.advise import Advice, Prediction
from curate.recipes.comparison import Comparison
from curate.show import talk
from curate.show.run import print_table
from curate.show.tables import percent


def print_advice(advice: Advice, console: Console, as_json: bool) -> None:
    """The pilot's table, the options, the verdict, and last the command to run."""
    if as_json:
        talk.json_object(
            {
                "pays": advice.pays,
                "verdict": advice.verdict,
                "command": advice.command,
                "options": [asdict(one) for one in advice.options],
                "full_hours": advice.full_hours,
                "pilot": str(advice.pilot.path),
                "pilot_epochs": advice.pilot_epochs,
                "predictions": [asdict(one) | {"hit": one.hit} for one in advice.predictions],
            }
        )
        return
    console.print(Text(f"pilot, {advice.pilot_epochs} epochs ({advice.pilot.path})", style="bold"))
    print_table(Comparison(advice.pilot.rows), console)
    table = Table(
        "policy", "keep", "loses, points [95%]", "hours", title="in the whole run", title_justify="left"
    )
    for one in advice.options:
        loss = f"{100 * one.loss:.2f} [{100 * one.low:.2f}, {100 * one.high:.2f}]"
        table.add_row(one.policy, f"{one.keep:g}", loss, f"{one.hours:.3g}")
    table.add_row("full", "1", "0", f"{advice.full_hours:.3g}")
    console.print(table)
    if advice.predictions:
        console.print(_predictions(advice.predictions))
    console.print(Text(advice.verdict, style="bold"))
    print(advice.command)  # noqa: T201  stdout is data


def _predictions(predictions: Sequence[Prediction]) -> Table:
    """What was predicted beside what whole runs lost."""
    hits = sum(one.hit for one in predictions)
    table = Table(
        "method",
        "keep",
        "predicted, points [95%]",
        "whole runs lost",
        "",
        title=f"predictions held to whole runs: {hits} of {len(predictions)} hit",
        title_justify="left",
    )
    for one in predictions:
        predicted = f"{100 * one.predicted:.2f} [{100 * one.low:.2f}, {100 * one.high:.2f}]"
        verdict = "hit" if one.hit else "miss"
        table.add_row(one.method, f"{one.keep:g}", predicted, percent(one.measured), verdict)
    return table
