"""status: what is unfinished, how far it is, and the command that goes on with it."""

import json
import os
import shutil

import pytest
from helpers.commands import assert_error

import curate
from curate.errors import CurateError
from curate.progress import Progress

WORDS = ("train", "digits", "--policy", "random", "--keep", "0.1", "--epochs", "3", "-o", "run")


class Stops(Progress):
    """Ends a run once so many epochs are over."""

    def __init__(self, after, said=""):
        self.said, self.left = said, after

    def advance(self, steps=1, **live):
        if "loss" in live:
            self.left -= 1
            if self.left == 0:
                raise KeyboardInterrupt


def interrupted(after=2, said="curate train digits -o 'my run'", **more):
    options = {"hyperparameters": {"n_epochs": 3}, "output": "run", "progress": Stops(after, said)}
    with pytest.raises(KeyboardInterrupt):
        curate.train("digits", policy="random", keep=0.1, **options | more)


def test_a_run_that_was_stopped_is_listed_with_the_command_that_goes_on(here, cli):
    interrupted()
    (run,) = curate.status()
    assert (run.folder, run.verb, run.dataset) == ("run.unfinished", "train", "digits")
    assert 1 <= run.n_done < run.n_epochs == 3
    assert run.said == "curate train digits -o 'my run'"
    assert not run.is_running
    out = cli("status").out
    assert out.startswith("run.unfinished\n  stopped, epoch ")
    assert out.endswith("\n  curate train digits -o 'my run'\n")
    assert json.loads(cli("status", "--json").out)["unfinished"][0]["n_epochs"] == 3
    facts = json.loads(cli("inspect", "run.unfinished", "--json").out)["facts"]
    assert facts["what"] == "a run of `train` that has not come to its end"
    assert facts["to go on"] == run.said


def test_the_command_line_is_what_goes_on(here, cli, monkeypatch):
    from curate.training import unfinished

    monkeypatch.setattr(unfinished, "_SHARE", 1.0)
    seen = []
    keep = unfinished.Unfinished.add

    def add(self, record, state, last):
        keep(self, record, state, last)
        seen.extend(curate.status())

    monkeypatch.setattr(unfinished.Unfinished, "add", add)
    assert cli(*WORDS).code == 0
    assert [(run.said, run.is_running) for run in seen] == [(f"curate {' '.join(WORDS)}", True)] * 3
    assert [run.n_done for run in seen] == [1, 2, 3]
    assert curate.status() == []
    assert cli("status").out == "no unfinished runs in .\n"


def test_scores_from_training_are_runs_too(here):
    stops = Stops(2)
    with pytest.raises(KeyboardInterrupt):
        curate.score("digits", "el2n", models=1, epochs=4, output="s.parquet", progress=stops)
    (run,) = curate.status()
    assert (run.verb, run.said, run.n_epochs) == ("score", "", 4)


def test_what_is_damaged_or_has_not_begun_says_so(here, cli):
    interrupted()
    (here / "run.unfinished" / "run.json").write_text("{")
    (here / "empty.unfinished").mkdir()
    empty, damaged = curate.status()
    assert empty.problem == "no epoch was saved: run its command again, from the start"
    assert "run.json is damaged: start the run anew with --fresh" in damaged.problem
    out = cli("status").out
    assert "empty.unfinished\n  no epoch was saved" in out


def test_a_folder_that_is_none_is_named(here, cli):
    assert_error(cli("status", "nowhere"), "nowhere is no folder: name one that holds runs, or stand in it")
    with pytest.raises(CurateError, match="is no folder"):
        curate.status(os.devnull)


def test_a_run_killed_before_its_first_epoch_was_saved_says_what_began_it(here, cli):
    class Told(Progress):
        said = "curate score digits -o s.parquet"

        def advance(self, steps=1, **live):
            if not (killed := here / "killed.parquet.unfinished").exists():
                shutil.copytree(here / "s.parquet.unfinished", killed)

    curate.score("digits", models=1, epochs=1, options={"width": 1}, output="s.parquet", progress=Told())
    (run,) = curate.status()
    assert run.said == "curate score digits -o s.parquet"
    assert "from the start" in run.problem
    assert "curate score digits -o s.parquet" in cli("status").out
