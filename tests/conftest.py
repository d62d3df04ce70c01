"""What the tests share: a command line that runs in this process, and digits brought up to a manifest."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # small networks: more threads only wait for each other

import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

import curate
from curate.artifacts.header import make_header
from curate.artifacts.tables import Table, write_table
from curate.scores.trace import Seen, Trace, open_trace, write_part, write_trace

os.environ.setdefault("HF_HUB_OFFLINE", "1")


@dataclass(frozen=True)
class Said:
    """What a command did: exit code, stdout and stderr."""

    code: int
    out: str
    err: str

    @property
    def last(self) -> str:
        return self.out.strip().splitlines()[-1]


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


@pytest.fixture
def here(tmp_path, monkeypatch) -> Path:
    """An empty working folder."""
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
    recipe = {"n_epochs": 6}
    return curate.train("digits", policy="ucb", keep=0.25, recipe=recipe, output=folder).manifest.path


def clusters_table(
    path: Path,
    cluster: list[int],
    distance: list[float],
    *,
    uid: list[int] | None = None,
    label: list[int] | None = None,
    seal: bool = False,
) -> Table:
    """A table of clusters written by hand."""
    n = len(cluster)
    uids = np.array(uid if uid is not None else range(n), np.uint64)
    dataset = {"reference": "hand", "split": "all", "n": n, "classes": [], "fingerprint": "0" * 64}
    if label is not None:
        dataset["classes"] = [str(number) for number in range(max(label) + 1)]
    header = make_header("clusters", "cluster", {}, seed=0, dataset=dataset)
    header["columns"] = {"distance": {"hard_is": "high"}}
    columns = {"index": np.arange(n), "uid": uids}
    if label is not None:
        columns["label"] = np.array(label, np.int64)
    columns |= {"cluster": np.array(cluster, np.int32), "distance": np.array(distance, np.float32)}
    return write_table(path, header, columns) if seal else Table(path, header, columns)


def score_table(path: Path, hard_is: str, **columns: list) -> Table:
    """A table of scores written by hand; every float column ranks, aum low."""
    n = len(next(iter(columns.values())))
    given = {"uid": range(n), **columns}
    types = {"uid": np.uint64, "label": np.int64, "cluster": np.int32}
    arrays = {name: np.array(values, types.get(name, np.float64)) for name, values in given.items()}
    names = [str(number) for number in range(max(columns.get("label", [0])) + 1)]
    dataset = {"reference": "hand", "split": "all", "n": n, "classes": names, "fingerprint": "0" * 64}
    header = make_header("scores", "score", {}, seed=0, dataset=dataset)
    ranking = [name for name in arrays if name not in types]
    sides = {name: "low" if name == "aum" else hard_is for name in ranking}
    header["columns"] = {name: {"hard_is": side} for name, side in sides.items()}
    return Table(path, header, {"index": np.arange(n), **arrays})


def seen_of(n: int, loss: np.ndarray, margin: np.ndarray, error: np.ndarray, correct: np.ndarray) -> Seen:
    """An epoch in which all of `n` samples were presented."""
    return Seen(np.arange(n), loss, margin, error, correct)


def traced(folder: Path, n: int, runs: list[list[Seen]]) -> Trace:
    """The trace of runs that all have as many epochs, in a folder."""
    parts = []
    for epoch, models in enumerate(zip(*runs, strict=True)):
        parts.append(folder / f"part-{epoch}.parquet")
        write_part(parts[-1], epoch, models)
    dataset = {"reference": "hand", "split": "all", "n": n, "classes": [], "fingerprint": "0" * 64}
    header = make_header("trace", "train", {}, seed=0, dataset=dataset)
    header["summary"] = {"n_epochs": len(parts), "n_models": len(runs), "samples_seen": 0}
    write_trace(folder / "trace.parquet", header, parts)
    return open_trace(folder)


pytest.register_assert_rewrite(
    "hub_desk", "policy_examples", "scored_digits", "sessions", "unfinished_runs"
)  # they assert, too
