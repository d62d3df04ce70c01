"""Methods on a terminal: a table of each kind, or one in full; a place is named where there are several."""

import io

from rich.console import Console

from curate.show.methods import print_method, print_methods
from curate.verbs.methods import Method, Option


def shown(show, what, width=80):
    file = io.StringIO()
    show(what, Console(file=file, width=width))
    return file.getvalue()


OURS = Method("policies", "ucb", "the k best", "curate 0.1.0", [Option("alpha", "float", "0.8")])
THEIRS = Method("policies", "fancy", "", "fancy 2", [], problem="fancy [of] x is not importable")


def test_a_place_is_a_column_where_there_are_several():
    alone = shown(print_methods, [OURS])
    assert "policies, of curate 0.1.0" in alone
    assert "alpha=0.8" in alone
    both = shown(print_methods, [OURS, THEIRS])
    assert "fancy 2" in both
    assert "fancy [of] x is not importable" in " ".join(both.split())
    assert all(len(line) <= 40 for line in shown(print_methods, [OURS, THEIRS], 40).splitlines())


def test_one_is_shown_with_its_options_and_words():
    method = Method("models", "n", "", "x", [Option("a", "int", None)], about="first\nline.\n\nSecond [b].")
    said = shown(print_method, method)
    assert "first line.\n\nSecond [b]." in said
    assert "has to be given" in said
