"""A report: one folder that holds everything, written anew only when asked."""

import json

import pytest
from helpers.commands import assert_error
from helpers.results import FULL, LITTLE, RANDOM, ROW, rows

from curate.artifacts.results import write_results
from curate.errors import CurateError
from curate.show.report import report

SURE = rows("sure", [91.0, 91.2, 91.1])
ABOUT = {
    "recipe": "mnist-centroids",
    "profile": "cpu",
    "given": {"data": "/home/ann/data/mnist", "keep": [0.1, 0.3]},
    "title": "A <title>",
    "about": "What it\nrepeats.",
    "report": {"figures": ["keep"]},
}


@pytest.fixture
def results(here):
    write_results(here / "r.parquet", [*FULL, *RANDOM, *LITTLE, *SURE], ABOUT)
    return here / "r.parquet"


def test_a_report_is_a_page_its_tables_and_its_figures(results, here):
    made = report(results)
    assert sorted(file.name for file in made.path.iterdir()) == [
        "index.html",
        "keep.png",
        "keep.svg",
        "report.md",
    ]
    text = (made.path / "report.md").read_text()
    assert "# A <title>" in text
    assert "| sure |  | 91.10 ± 0.10 (3) |  |" in text
    assert "- **sure**: better than random at keep 0.3 (+1.00" in text
    assert "![Accuracy against what is kept](keep.png)" in text
    assert "curate run mnist-centroids --profile cpu --set data=mnist --set keep=0.1,0.3" in text
    assert "/home" not in text
    assert "/home" not in (made.path / "index.html").read_text()


def test_a_report_that_was_killed_is_completed_and_then_stands(results, here, caplog):
    path = report(results, "out").path
    whole = {file.name: file.read_bytes() for file in path.iterdir()}
    (path / "index.html").unlink()
    (path / "keep.png").unlink()
    report(results, "out")
    assert {file.name: file.read_bytes() for file in path.iterdir()} == whole
    assert "made by this very command" not in caplog.text
    report(results, "out")
    assert "out is there already, made by this very command" in caplog.text


def test_a_report_is_written_anew_only_when_asked(results, here):
    report(results, "out")
    (here / "out" / "report.md").write_text("edited")
    with pytest.raises(CurateError, match="out is there already: use --force to write it anew"):
        report(results, "out")
    report(results, "out", force=True)
    (here / "mine").mkdir()
    (here / "mine" / "notes.txt").write_text("")
    with pytest.raises(CurateError, match="mine is there already: name another with -o"):
        report(results, "mine")
    with pytest.raises(CurateError, match=r"r.parquet is a file: name a folder with -o"):
        report(results, "r.parquet")


def test_what_holds_no_trials_says_so(here):
    write_results(here / "r.parquet", [], {})
    with pytest.raises(CurateError, match=r"r\.parquet has no trials yet"):
        report("r.parquet")
    with pytest.raises(CurateError, match=r"there are no results none\.parquet"):
        report("none.parquet")


def test_few_trials_are_warned_of_on_the_page(here):
    write_results(here / "r.parquet", [ROW], {})
    made = report("r.parquet")
    assert made.warnings == ["some cells have 1 trial: fewer than 3 say little"]
    assert "fewer than 3 say little" in (made.path / "index.html").read_text()
    assert made.title == "r"
    assert made.commands == ["curate report r.parquet"]


def test_the_command_ends_with_the_page(results, cli):
    result = cli("report", results)
    assert result.code == 0, result.err
    assert result.out.splitlines()[-1] == "r-report/index.html"
    printed = json.loads(cli("report", results, "-o", "other", "--json").out)
    assert printed["verdicts"]["sure"].startswith("better than random")
    assert_error(cli("report", "nothing.parquet"), "there are no results nothing.parquet")


def test_results_of_a_replay_are_reported_as_well(digits_round):
    import curate

    shared = {"hyperparameters": {"n_epochs": 1}, "options": {"width": 1}, "trials": 3}
    outcome = curate.replay(digits_round.manifest, against=["full", "random"], **shared)
    made = report(outcome.path)
    assert made.comparison.methods == ["digits-furthest", "full", "random"]
    assert made.comparison.budgets == ["0.3", None]
    assert [figure.name for figure in made.figures] == ["keep", "seconds", "samples"]
