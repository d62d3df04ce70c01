"""Options: in the help of every command each explained and each method named, and settings as text."""

import re

import pytest

from curate.cli.options import parse_settings
from curate.errors import CurateError

COMMANDS = ("embed", "cluster", "score", "select", "train", "replay", "inspect", "compare", "export")


@pytest.mark.parametrize("name", COMMANDS)
def test_help_of_every_command_has_an_example_and_explains_every_option(cli, name):
    result = cli(name, "--help")
    assert result.code == 0
    assert f"curate {name}" in result.out
    options = re.findall(r"^  -[-\w, ]*", result.out, re.MULTILINE)
    assert len(options) >= 5


def test_help_of_every_method_option_names_what_exists(cli):
    from curate import finder

    for command, kind in (("embed", "embedders"), ("select", "strategies"), ("train", "models")):
        text = " ".join(cli(command, "--help").out.split())
        for name in finder.names(kind):
            assert re.search(rf"\b{name}\b", text), f"{command} --help does not name {name}"


@pytest.mark.parametrize(
    ("command", "kind"),
    [
        ("embed", "embedders"),
        ("score", "scorers"),
        ("select", "strategies"),
        ("train", "models"),
        ("train", "policies"),
    ],
)
def test_help_names_every_option_of_every_method(cli, command, kind):
    from curate import finder

    text = cli(command, "--help").out
    for name in finder.names(kind):
        for option in finder.option_names(finder.load(kind, name)):
            assert f"{option}=" in text, f"{command} --help does not name {option} of {name}"


def test_settings_are_names_and_values():
    assert parse_settings(("a=1", "b = x=2")) == {"a": "1", "b": "x=2"}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (("a=1", "a=2"), "--set a is given twice: give it once"),
        (("a",), "--set a is not NAME=VALUE: write --set a=value"),
        (("=1",), "--set =1 is not NAME=VALUE: write --set name=value"),
    ],
)
def test_settings_that_are_none_are_refused(settings, message):
    with pytest.raises(CurateError, match=f"^{message}$"):
        parse_settings(settings)
