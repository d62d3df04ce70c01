"""The options of a step are those of its command, and values are of their types."""

import pytest

from curate.cli.main import curate as commands
from curate.recipes.options import VERBS, fits, in_words, options_of

NOT_IN_RECIPES = {
    "debug", "device", "force", "fresh", "help", "json", "log-level", "output", "quiet", "set",
    "jobs", "against", "count-scoring", "no-scoring", "results", "strategy", "keep",
    "class-floor", "one-by-one", "data", "no-skip-corrupt",
}  # fmt: skip


def options_of_command(verb):
    command = commands.get_command(None, verb)
    words = [word for parameter in command.params for word in (*parameter.opts, *parameter.secondary_opts)]
    return {word.removeprefix("--") for word in words if word.startswith("--")}


@pytest.mark.parametrize("verb", VERBS)
def test_the_options_of_a_step_are_those_of_its_command(verb):
    ours, theirs = set(options_of(verb)), options_of_command(verb)
    of_data = set(options_of("embed")) if verb == "cluster" else set()  # there they open --data
    assert theirs - ours <= NOT_IN_RECIPES | of_data
    renamed = {"k", "side-by-side", "seed", "data", "trials"}
    assert ours - theirs <= renamed, ours - theirs


@pytest.mark.parametrize(
    ("value", "kinds", "is_one"),
    [(1, (float,), True), (1.0, (int,), False), (True, (int, float), False), (True, (bool,), True),
     ("0.3", (str, float), True), ([1], list, True), (None, (str,), False)],
)  # fmt: skip
def test_a_value_is_of_a_type(value, kinds, is_one):
    assert fits(value, kinds) is is_one


def test_types_in_words():
    assert in_words((int, float)) == "a whole number or a number"
    assert in_words(list) == "a list"
