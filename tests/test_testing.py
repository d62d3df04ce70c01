"""The checks for writers of plug-ins: one that keeps the laws passes, and one that breaks a law does not."""

import dataclasses
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from curate import testing
from curate.manifests.manifest import Selected
from curate.selection.policy import Plan, top

EXAMPLE = Path(__file__).parents[1] / "examples" / "plugin"


@dataclasses.dataclass(frozen=True)
class Highest:
    """The k samples of highest loss, for these tests to break."""

    observes = "training"
    sizing = "keep"
    period = None

    def plan(self, view):
        losses = np.nan_to_num(view.losses(), nan=np.inf)
        return Plan(Selected(top(losses, view.available, view.k, view.uids)))


def broken(change, **attributes):
    """The same policy with another plan, or other attributes."""

    @dataclasses.dataclass(frozen=True)
    class Broken(Highest):
        """Broken on purpose."""

        def plan(self, view):
            return change(view, super().plan(view).selected.indices)

    for name, value in attributes.items():
        setattr(Broken, name, value)
    return Broken()


def of(indices):
    return Plan(Selected(np.asarray(indices)))


def test_a_policy_that_keeps_the_laws_passes():
    testing.check_policy(Highest())
    testing.check_policy(Highest(), np.arange(50, dtype=np.uint64))


@pytest.mark.parametrize(
    ("change", "attributes", "law"),
    [
        (lambda view, indices: of(indices[::-1]), {}, "indices are sorted"),
        (lambda view, indices: of(indices[:-1]), {}, "keeps exactly k"),
        (lambda view, indices: of(indices - 1), {}, "only samples that are available"),
        (
            lambda view, indices: of(view.available[: view.k]),
            {"observes": "nothing"},
            "losses are looked at where",
        ),
        (lambda view, indices: of(indices), {"observes": "sometimes"}, "observes says whose losses"),
        (lambda view, indices: of(indices), {"sizing": "mine"}, "sizing says who decides"),
        (
            lambda view, indices: of(view.losses() is not None and view.available[: view.k]),
            {},
            "never observed",
        ),
    ],
)
def test_a_policy_that_breaks_a_law_does_not(change, attributes, law):
    with pytest.raises(AssertionError, match=law):
        testing.check_policy(broken(change, **attributes))


def test_a_policy_that_remembers_in_itself_does_not():
    counted = []

    def change(view, indices):
        counted.append(1)
        return of(np.sort(np.roll(view.available, len(counted))[: view.k]))

    with pytest.raises(AssertionError, match="leads to the same decision"):
        testing.check_policy(
            broken(lambda view, indices: view.losses() is not None and change(view, indices))
        )


@dataclasses.dataclass(frozen=True)
class ByCluster:
    """Ranks by the number of a cluster, which says nothing."""

    def __call__(self, table, chance):
        return np.argsort(table["cluster"], kind="stable")


@dataclasses.dataclass(frozen=True)
class Spoils:
    """Ranks, and changes the table."""

    def __call__(self, table, chance):
        table["distance"][:] = 0
        return np.arange(len(table))


@dataclasses.dataclass(frozen=True)
class Twice:
    """Ranks a sample twice."""

    def __call__(self, table, chance):
        return np.zeros(len(table), int)


@pytest.mark.parametrize(
    ("strategy", "law"),
    [(ByCluster(), "number of a cluster"), (Spoils(), "left as it was"), (Twice(), "ranked once")],
)
def test_a_strategy_that_breaks_a_law_does_not_pass(strategy, law):
    with pytest.raises(AssertionError, match=law):
        testing.check_strategy(strategy)


def test_methods_are_frozen_and_say_what_they_are():
    for made, law in (
        (dataclasses.make_dataclass("Silent", [], frozen=True), "docstring"),
        (dataclasses.make_dataclass("Loose", [], namespace={"__doc__": "Words."}), "frozen"),
        (type("Plain", (), {}), "dataclass"),
    ):
        with pytest.raises(AssertionError, match=law):
            testing.check_method(made)


def test_a_schedule_that_breaks_a_law_does_not_pass():
    @dataclasses.dataclass(frozen=True)
    class Half:
        """Never reaches the full rate."""

        def __call__(self, fraction):
            return 0.5

    with pytest.raises(AssertionError, match="the full rate is reached"):
        testing.check_schedule(Half())


@pytest.mark.slow
def test_the_example_package_is_installed_and_used(here):
    """Into a folder of its own, by pip, without an index; its own test passes too."""
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation"]
    shutil.copytree(EXAMPLE, "plugin", ignore=shutil.ignore_patterns("__pycache__"))
    subprocess.run([*pip, "--target", "site", "./plugin"], check=True)
    environment = {"PYTHONPATH": "site", "PATH": "/usr/bin:/bin", "HOME": str(here), "COLUMNS": "120"}

    def curate(*words):
        command = [sys.executable, "-m", "curate", *words]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    listed = curate("methods", "policies")
    assert "every-other" in listed.stdout
    assert "curate-example-plugin 1.0" in " ".join(listed.stdout.split())
    trained = curate(
        "train", "digits", "--policy", "every-other", "--epochs", "2", "--set", "offset=1", "-o", "run"
    )
    assert trained.returncode == 0, trained.stderr
    tested = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "plugin/test_every_other.py"],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert tested.returncode == 0, tested.stdout
