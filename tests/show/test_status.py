"""Unfinished runs on the terminal: two or three lines for each, none of them cut."""

import io

from rich.console import Console

from curate.show.status import print_status
from curate.verbs.status import UnfinishedRun

AT = "2026-11-29T08:00:00+00:00"
STOPPED = UnfinishedRun(
    "runs/a.unfinished", "train", "digits", "curate train digits -o a", 1_200, 3_000, AT, False
)
RUNNING = UnfinishedRun("b.unfinished", "score", "mnist", "curate score mnist", 1, 2, AT, True)
BROKEN = UnfinishedRun("c.unfinished", "", "", "", 0, 0, "", False, "no epoch was saved")


def printed(*runs):
    console = Console(file=io.StringIO(), width=40)
    print_status("here", runs, console)
    return console.file.getvalue().splitlines()


def test_each_says_how_far_it_is_and_how_to_go_on():
    assert printed(STOPPED, RUNNING, BROKEN) == [
        "runs/a.unfinished",
        "  stopped, epoch 1,200 of 3,000, saved 2026-11-29T08:00:00+00:00",
        "  curate train digits -o a",
        "b.unfinished",
        "  running now, epoch 1 of 2, saved 2026-11-29T08:00:00+00:00",
        "c.unfinished",
        "  no epoch was saved",
        "  go on with the same call",
    ]


def test_none_is_said():
    assert printed() == ["no unfinished runs in here"]
