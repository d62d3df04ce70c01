"""Methods from outside: files, packages and objects are found as curate's own, and their origin is known."""

import dataclasses
import hashlib
import importlib.metadata
from pathlib import Path

import numpy as np
import pytest

import curate
from curate import finder, outside
from curate.errors import CurateError
from curate.verbs.methods import methods

POLICY = '''
"""A policy of one's own."""
from dataclasses import dataclass
from helper_beside import first
from curate.manifests.manifest import Selected
from curate.selection.policy import Plan

@dataclass(frozen=True)
class First:
    """The first samples, from `start` on."""
    start: int = 0
    observes = "nothing"
    sizing = "keep"
    period = None

    def plan(self, view):
        return Plan(Selected(first(view.available, self.start, view.k)))

def plain():
    return 1
'''
BESIDE = "def first(available, start, k):\n    return available[start : start + k]\n"


@pytest.fixture
def file(here):
    Path("mine").mkdir()
    Path("mine/helper_beside.py").write_text(BESIDE)
    Path("mine/policies.py").write_text(POLICY)
    return "mine/policies.py:First"


def test_a_policy_in_a_file_trains_and_is_known_by_its_hash(file, here):
    few = curate.open_dataset("digits").take(np.arange(60))
    made = curate.train(
        few, policy=file, keep=10, test=few, options={"start": 5, "width": 1},
        hyperparameters={"n_epochs": 1},
    )  # fmt: skip
    assert made.manifest.path.name == "digits-First-10-1-epochs-start-5-width-1"
    assert made.manifest.selected(0).indices.tolist() == list(range(5, 15))
    options = made.manifest.header.options
    assert options["policy"] == "policies.py:First"
    assert options["policy_options"] == {"start": 5}
    digest = hashlib.sha256(POLICY.encode()).hexdigest()
    assert options["outside"] == {"policies": {"file": "policies.py", "file_sha256": digest}}
    assert "mine" not in str(made.manifest.header.to_json())


def test_a_changed_file_is_read_anew(file):
    before = finder.load("policies", file)
    assert finder.load("policies", file) is before
    Path("mine/policies.py").write_text(POLICY.replace("start: int = 0", "start: int = 3"))
    assert finder.load("policies", file)().start == 3


def test_an_object_and_a_class_are_methods_too(file):
    policy = finder.load("policies", file)
    few = curate.open_dataset("digits").take(np.arange(60))
    for handed, start in ((policy, 0), (policy(start=7), 7), (dataclasses.replace(policy(), start=2), 2)):
        pruner = curate.Pruner(few, handed, keep=4, epochs=1)
        pruner.set_epoch(0)
        assert pruner.selected.tolist() == list(range(start, start + 4))
    assert finder.make("policies", outside.hand_in("policies", policy(start=7)), {"start": 1}).start == 1


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("mine/nothing.py:First", "there is no file mine/nothing.py"),
        ("mine/policies.py:Frist", "mine/policies.py has no 'Frist': it has First, plain"),
        ("mine/policies.py:plain", "policies.py:plain is no policy: it has to be a dataclass"),
        (
            "mine/broken.py:First",
            r"broken.py cannot be imported \(ModuleNotFoundError: No module named 'nowhere'",
        ),
        ("frist", "there is no policy called 'frist'"),
        ("timm:resnet18", "there is no policy called 'timm:resnet18'"),
    ],
)
def test_what_is_wrong_with_a_file_is_said(file, name, said):
    Path("mine/broken.py").write_text("import nowhere\n")
    with pytest.raises(CurateError, match=said):
        finder.load("policies", name)


class Distribution:
    name, version = "fancy-policies", "2.1"


class Point:
    """An entry point, as importlib.metadata gives them."""

    group, dist = "curate.policies", Distribution()

    def __init__(self, name, value, load):
        self.name, self.value, self.load = name, value, load


@pytest.fixture
def installed(file, monkeypatch):
    """Two entry points of a package, of which one fails to import."""
    policy = finder.load("policies", file)

    def fails():
        raise ImportError("no module named fancy")

    points = [Point("first_of_all", "fancy:First", lambda: policy), Point("broken", "fancy:Broken", fails)]
    monkeypatch.setattr(outside, "entry_points", lambda group: points if group == "curate.policies" else [])
    outside.packages.cache_clear()
    yield policy
    outside.packages.cache_clear()


def test_what_packages_bring_stands_behind_curates_own(installed):
    assert finder.names("policies")[-2:] == ["broken", "first-of-all"]
    assert finder.load("policies", "first-of-all") is installed
    assert {one.name: one.origin for one in methods("policies")}["first-of-all"] == "fancy-policies 2.1"
    assert "first-of-all" not in finder.own_names("policies")
    assert outside.origin("policies", "first-of-all") == {"package": "fancy-policies", "version": "2.1"}
    assert outside.origin("policies", "ucb") == {}
    assert finder.is_ours("policies", "ucb")
    assert not finder.is_ours("policies", "first-of-all")


def test_one_that_fails_is_named_and_the_others_go_on(installed):
    with pytest.raises(
        CurateError, match=r"broken of fancy-policies is not importable \(ImportError: no module"
    ):
        finder.load("policies", "broken")
    assert finder.make("policies", "first-of-all", {"start": "3"}).start == 3


def test_a_name_of_curates_own_is_not_taken_over(installed, monkeypatch):
    own = finder.load("policies", "ucb")
    points = [Point("ucb", "fancy:First", lambda: installed)]
    monkeypatch.setattr(outside, "entry_points", lambda group: points)
    outside.packages.cache_clear()
    assert finder.load("policies", "ucb") is own
    assert finder.names("policies").count("ucb") == 1


def test_this_environment_brings_nothing_of_its_own():
    assert not list(importlib.metadata.entry_points(group="curate.policies"))
