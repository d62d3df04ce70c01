"""The bar on a terminal: live numbers while a task goes on, notes in full, and nothing left at the end."""

import io

import click
import pytest
from rich.console import Console

from curate.show.bar import Bar


def test_numbers_are_shown_while_a_task_goes_on():
    console = Console(file=io.StringIO(), force_terminal=True, width=100, color_system=None)
    with Bar.shown(console) as bar:
        with bar.task("train", 4, "samples"):
            bar.advance(2, loss=0.123456, model="3 of 4")
            bar.advance(1, loss=0.5)
            bar.note("skipped [1].png")
            bar._shown.refresh()
            drawn = console.file.getvalue()
        console.file.truncate(0)
        bar._shown.refresh()
        after = console.file.getvalue()
    assert "loss 0.5  model 3 of 4" in drawn
    assert "75%" in drawn
    assert "skipped [1].png" in drawn
    assert "loss" not in after


def test_a_task_within_another_gives_its_place_back():
    console = Console(file=io.StringIO(), force_terminal=True, width=100, color_system=None)
    with Bar.shown(console) as bar, bar.task("train", 4, "samples"):
        bar.advance(1, loss=0.5)
        with bar.task("decode", 10, "images"):
            bar.advance(9)
            bar._shown.refresh()
            within = console.file.getvalue()
            console.file.truncate(0)
        bar.advance(2)
        bar._shown.refresh()
        after = console.file.getvalue()
    assert "90%" in within
    assert "decode" not in after
    assert "75%" in after
    assert "loss 0.5" in after


def test_on_a_terminal_it_asks_once_and_no_ends_the_command(monkeypatch):
    console = Console(file=io.StringIO(), force_terminal=True, width=100, color_system=None)
    answers = {"Sure. Go on?": True, "Really. Go on?": False}
    asked = []

    def confirm(text, *, abort, err):
        asked.append((text, err))
        if abort and not answers[text]:
            raise click.Abort

    monkeypatch.setattr(click, "confirm", confirm)
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    with Bar.shown(console) as bar:
        bar.ask("Sure")
        bar.ask("Sure")
        with pytest.raises(click.Abort):
            bar.ask("Really")
    assert asked == [("Sure. Go on?", True), ("Really. Go on?", True)]
