"""The list of methods: all of them, with what can be set, and where they are from."""

from pathlib import Path

import pytest

from curate import finder, outside
from curate.errors import CurateError
from curate.verbs.methods import methods


def test_all_methods_of_all_kinds_are_listed():
    found = methods()
    assert {(one.kind, one.name) for one in found} == {
        (kind, name) for kind in finder.KINDS for name in finder.names(kind)
    }
    assert all(one.text and one.origin.startswith("curate ") and not one.problem for one in found)


@pytest.mark.parametrize("kind", ["policies", "policy"])
def test_a_kind_goes_by_either_name(kind):
    assert [one.name for one in methods(kind)] == finder.names("policies")


def test_one_method_is_shown_in_full():
    (ucb,) = methods("policies", "ucb")
    assert [(one.name, one.type, one.default) for one in ucb.options] == [
        ("confidence", "float", "1.0"), ("alpha", "float", "0.8"),
    ]  # fmt: skip
    assert "Raju et al. 2021" in ucb.about
    assert ucb.text == "the k samples of highest average loss plus its variance"


def test_one_of_a_file_says_its_file(here):
    Path("net.py").write_text(
        "from torch import nn\n\ndef net(n_classes, width: int = 3):\n"
        "    'A net.'\n    return nn.Linear(1, width)\n"
    )
    (net,) = methods("models", "net.py:net")
    assert net.origin.startswith("net.py, sha256 ")
    assert (net.text, net.about) == ("A net", "A net.")
    assert [(one.name, one.type, one.default) for one in net.options] == [("width", "int", "3")]


def test_one_of_a_package_that_fails_says_why(monkeypatch):
    class Point:
        name, value, group = "fancy", "fancy:X", "curate.strategies"
        dist = type("Distribution", (), {"name": "fancy-package", "version": "3"})

        def load(self):
            raise ImportError("no such thing")

    monkeypatch.setattr(outside, "entry_points", lambda group: [Point()] if "strategies" in group else [])
    outside.packages.cache_clear()
    try:
        found = {one.name: one for one in methods("strategies")}
        assert found["fancy"].problem.startswith(
            "fancy of fancy-package is not importable (ImportError: no such"
        )
        assert found["fancy"].origin == "fancy-package 3"
        assert found["random"].problem == ""
    finally:
        outside.packages.cache_clear()


def test_what_is_not_there_is_said():
    with pytest.raises(CurateError, match="there is no kind of method 'polices': did you mean policies"):
        methods("polices")
    with pytest.raises(CurateError, match="there is no policy called 'ucbb': did you mean ucb"):
        methods("policies", "ucbb")
