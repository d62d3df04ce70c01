"""A run on the terminal: the plan, the counts, the table, wide and narrow."""

import io

import pytest
from helpers.results import ROW
from rich.console import Console

from curate.recipes.comparison import Comparison
from curate.recipes.run import Plan, State
from curate.recipes.schema import Recipe
from curate.recipes.task import Task
from curate.show.run import _counts, _duration, _view, print_plan, print_table

pytest_plugins = ["recipes.conftest"]


def shown(what, *words, width=100):
    console = Console(file=io.StringIO(), width=width)
    what(*words, console)
    return console.file.getvalue()


@pytest.fixture
def a_plan():
    tasks = [
        Task("vectors", "embed", "digits", {}, id="v"),
        Task("clusters", "cluster", "", {}, {"": "v"}, id="c"),
        Task("ours", "train", "digits", {}, label="ours", varied={"keep": 0.1}, id="a"),
        Task("ours", "train", "digits", {}, label="ours", varied={"keep": 0.3}, id="b"),
        Task("full", "train", "digits", {}, label="full", id="f"),
    ]
    steps = {"vectors": None, "clusters": None, "ours": None}
    recipe = Recipe("r", "A title", "", {}, steps, (), {})
    seconds = {"v": 1.0, "c": 2.0, "a": 600.0, "b": 1200.0, "f": None}
    return Plan(recipe, {task.id: task for task in tasks}, frozenset("v"), seconds, ("mnist is not here",))


def test_a_plan_is_a_tree_of_steps(a_plan, capsys):
    text = shown(lambda *words: print_plan(words[0], 2, words[1], as_json=False), a_plan)
    assert text.splitlines() == [
        "A title",
        "├── vectors (embed) 1 steps, 1 done",
        "│   └── clusters (cluster) 1 steps, 0 done, about 2 s of work left",
        "├── ours (train) 2 steps, 0 done, about 30 min of work left  keep 0.1, 0.3",
        "└── full (control) 1 steps, 0 done",
        "5 steps, 3 of them trials; 1 are done; with --jobs 2, the others take about 15 min, and 1 of which ",
        "the time is not known yet.",
    ]
    assert capsys.readouterr().err == "not at hand: mnist is not here\n"


def test_counts_tell_done_running_waiting_and_the_time_left(a_plan):
    state = State(a_plan, 2, {"v"}, {"c": 0.0})
    assert _counts(state) == "1 of 5 steps done, 1 running, 3 waiting"
    state.done |= {"f"}
    assert _counts(state) == "2 of 5 steps done, 1 running, 2 waiting, about 15 min left"
    state.failed["a"] = "why"
    assert _counts(state).startswith("2 of 5 steps done, 1 running, 1 waiting, 1 failed, about 10 min left")
    state.outcomes = {"a": ROW}
    console = Console(file=io.StringIO(), width=90)
    console.print(_view(state, 90))
    assert "[clusters]" in console.file.getvalue()
    assert "90.00 (1)" in console.file.getvalue()


@pytest.mark.parametrize("width", [40, 100])
def test_a_table_is_readable_at_any_width(width):
    text = shown(print_table, Comparison([ROW]), width=width)
    assert "90.00 (1)" in text
    assert "keep 0.3" in text
    assert max(len(line) for line in text.splitlines()) <= width
    assert shown(print_table, Comparison([])) == ""


@pytest.mark.parametrize(("seconds", "text"), [(5, "5 s"), (89.6, "90 s"), (600, "10 min"), (9000, "2.5 h")])
def test_durations_in_words(seconds, text):
    assert _duration(seconds) == text
