"""What the tests share: a command line that runs in this process, and digits brought up to a manifest."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # small networks: more threads only wait for each other

import gc
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

pytest.register_assert_rewrite("helpers")  # they assert, too

from helpers.commands import Said  # noqa: E402

import curate  # noqa: E402

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ["CURATE_CACHE"] = tempfile.mkdtemp(prefix="curate-tests-")
os.fsync = lambda descriptor: None  # it only tells after a power cut; test_files says when it is called
if "CURATE_DATA" in os.environ:  # every test has a working folder of its own
    os.environ["CURATE_DATA"] = os.path.abspath(os.environ["CURATE_DATA"])


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The long tests first, on one worker: one starts the interpreter that forks, both end together."""
    items.sort(key=lambda item: "fresh_forks" not in getattr(item, "fixturenames", ()))


def pytest_collection_finish() -> None:
    """What is loaded by now stays: the garbage collector need not walk it again after every few tests."""
    gc.collect()
    gc.freeze()


@pytest.fixture
def cli(monkeypatch, capsys) -> Callable[..., Said]:
    """Run `curate ...` in this process, through its real entry point."""

    def run(*words: object) -> Said:
        from curate.cli.main import main

        monkeypatch.setattr(sys, "argv", ["curate", *map(str, words)])
        capsys.readouterr()
        code = 0
        try:
            main()
        except SystemExit as done:
            code = int(done.code or 0)
        captured = capsys.readouterr()
        return Said(code, captured.out, captured.err)

    return run


@pytest.fixture
def process() -> Callable[..., Said]:
    """Run `python -m curate ...` in a process of its own."""

    def run(*words: object, **environment: str) -> Said:
        done = subprocess.run(
            [sys.executable, "-m", "curate", *map(str, words)],
            capture_output=True,
            text=True,
            env={**os.environ, **environment},
            timeout=120,
            check=False,
        )
        return Said(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch) -> Path:
    """An empty working folder: what a command writes where nobody says where, no other test finds."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def set_threads() -> Iterator[Callable[[int], None]]:
    """Sets the number of torch's threads; after the test it is what it was."""
    import torch

    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


@dataclass(frozen=True)
class Round:
    """digits, embedded, clustered and selected, in a folder that tests must not change."""

    folder: Path
    embedding: Path
    table: Path
    manifest: Path


@pytest.fixture(scope="session")
def digits_round(tmp_path_factory) -> Round:
    folder = tmp_path_factory.mktemp("round")
    embedding = curate.embed("digits", dim=16, output=folder / "digits.safetensors")
    table = curate.cluster(embedding, 12, output=folder / "digits.parquet")
    manifest = curate.select(table, "furthest", keep=0.3, output=folder / "digits-furthest")
    return Round(folder, embedding.path, table.path, manifest.path)


@pytest.fixture(scope="session")
def digits_session(tmp_path_factory) -> Path:
    """A dynamic session on digits, with groups: a manifest folder that tests must not change."""
    folder = tmp_path_factory.mktemp("session") / "digits-ucb"
    recipe = {"n_epochs": 10}
    return curate.train(
        "digits", policy="ucb", keep=0.25, hyperparameters=recipe, output=folder
    ).manifest.path


@pytest.fixture(scope="session")
def traced_run(tmp_path_factory):
    """A traced run under a policy that keeps a part: a manifest that tests must not change."""
    folder = tmp_path_factory.mktemp("traced") / "run"
    options = {"n_epochs": 4, "batch_size": 50}
    return curate.train(
        "digits", policy="random", keep=0.4, hyperparameters=options, trace=True, output=folder
    ).manifest
