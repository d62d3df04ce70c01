"""What an owner has published, on a wide terminal and on a narrow one."""

import io

import pytest
from rich.console import Console

from curate.show.published import print_published

FOUND = [
    {
        "repository": "ann/x",
        "name": "hard",
        "dataset": "digits",
        "keep": 0.3,
        "policy": "ucb",
        "private": True,
    },
    {"repository": "ann/y", "name": "odd", "keep": "a lot", "test_accuracy": 0.9712},
]


def printed(result, width):
    console = Console(file=io.StringIO(), width=width)
    print_published("ann", result, console)
    return console.file.getvalue()


def test_a_narrow_terminal_has_a_list():
    assert printed(FOUND, 60).splitlines() == [
        "ann/x/hard (private)",
        "  dataset digits, keep 30.0%, policy ucb",
        "ann/y/odd",
        "  test accuracy 97.12%",  # what is no number is left out
    ]


@pytest.mark.parametrize("words", ["ann/x/hard (private)", "30.0%", "97.12%", "test accuracy"])
def test_a_wide_terminal_has_a_table(words):
    lines = printed(FOUND, 100).splitlines()
    assert any(words in line for line in lines)
    assert len({len(line) for line in lines}) == 1


def test_nothing_published_is_said():
    assert printed([], 60) == "ann has published no manifests of curate\n"
