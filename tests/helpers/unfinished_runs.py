"""What the tests of unfinished runs share: small data, runs that are interrupted, and what those leave."""

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

import curate
from curate.training import unfinished as unfinished_module
from curate.training.batches import Batches
from curate.verbs import train_session as verb

MANIFEST = {
    "README.md",
    "manifest.json",
    "metrics.parquet",
    "model.safetensors",
    "samples.parquet",
    "selection.parquet",
}
N_EPOCHS = 6
N = 300
UCB = {"policy": "ucb", "keep": "0.3", "period": 1, "hyperparameters": {"lr": 0.01}}
_CALM: dict[str, dict[str, bytes]] = {}


@pytest.fixture(scope="session")
def small(tmp_path_factory) -> Path:
    """300 digits, 100 more as a test set."""
    path = tmp_path_factory.mktemp("small") / "small.npz"
    data = curate.open_dataset("digits")
    images, labels = data.images.read(np.arange(N + 100)), data.labels[: N + 100]
    np.savez(path, x_train=images[:N], y_train=labels[:N], x_test=images[N:], y_test=labels[N:])
    return path


@pytest.fixture(scope="session")
def session(small, tmp_path_factory) -> Path:
    """An earlier, dynamic session, for the policies that build on one."""
    output = tmp_path_factory.mktemp("earlier") / "session"
    many = {"n_epochs": 10}  # checkpoints enough for groups
    return train(small, output, policy="ucb", keep="0.3", period=1, hyperparameters=many).manifest.path


@pytest.fixture(scope="session")
def weighted_session(small, tmp_path_factory) -> Path:
    output = tmp_path_factory.mktemp("earlier") / "weighted-session"
    return train(small, output, policy="infobatch").manifest.path


@pytest.fixture
def save_always(monkeypatch):
    """The state is saved after every epoch."""
    monkeypatch.setattr(unfinished_module, "_SHARE", float("inf"))


def train(small, output, **rest):
    hyperparameters = {"n_epochs": N_EPOCHS, **rest.pop("hyperparameters", {})}
    chosen = rest.pop("options", {})
    options = None if chosen is None else {"width": "2", **chosen}
    return curate.train(
        str(small), hyperparameters=hyperparameters, options=options, device="cpu", output=output, **rest
    )


class PulledPlugError(Exception):
    """Nothing that curate knows of."""


def pull_the_plug(*args, **rest):
    raise PulledPlugError


@contextlib.contextmanager
def watched(stop_in=None, error=PulledPlugError, look=lambda epoch: None) -> Iterator[list[int]]:
    """The epochs that are trained in this block; `error` ends it when `stop_in` is trained, not yet saved."""
    trained: list[int] = []
    augmented, record_of = Batches.augmented, verb.record_of

    def batches(self, order, batch_size, augment, seed, epoch):
        trained.append(epoch)
        return augmented(self, order, batch_size, augment, seed, epoch)

    def record(epoch, test, seconds=0.0):
        look(epoch.epoch)
        if epoch.epoch == stop_in:
            raise error("the plug is pulled")
        return record_of(epoch, test, seconds)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Batches, "augmented", batches)
        patch.setattr(verb, "record_of", record)
        yield trained


def interrupt(small, output, stop_in=3, error=PulledPlugError, **rest) -> list[int]:
    with watched(stop_in, error) as trained, pytest.raises(error):
        train(small, output, **rest)
    return trained


def unfinished(output: Path) -> Path:
    return output.with_name(f"{output.name}.unfinished")


def content(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def assert_same(one: dict[str, bytes], other: dict[str, bytes]):
    """Equal, and the names of what is not when it is not; pytest's own diff of bytes takes minutes."""
    assert sorted(one) == sorted(other)
    different = [name for name in sorted(one) if one[name] != other[name]]
    assert not different


def calm_content(small, **case) -> dict[str, bytes]:
    """The files of an undisturbed run, made once, somewhere else, under the same name."""
    name = repr(sorted(case.items()))
    if name not in _CALM:
        folder = Path(tempfile.mkdtemp(prefix="calm-", dir=small.parent))
        with watched() as trained:
            _CALM[name] = content(train(small, folder / "run", **case).manifest.path)
        assert trained == list(range(len(trained)))
    return _CALM[name]


def assert_one_line(result, text):
    assert result.code == 2
    lines = result.err.strip().splitlines()
    assert len(lines) == 1
    assert lines[0] == f"error: {text}"


@dataclass(frozen=True)
class Stopped:
    """An earlier manifest, and beside it a run to replace it, stopped after three epochs."""

    run: Path
    earlier: dict[str, bytes]
    calm: dict[str, bytes]


@pytest.fixture(scope="session")
def stopped_once(small, tmp_path_factory) -> Stopped:
    folder = tmp_path_factory.mktemp("stopped")
    calm = calm_content(small, **UCB)
    train(small, folder / "run", policy="full", hyperparameters={"n_epochs": 1})
    earlier = content(folder / "run")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(unfinished_module, "_SHARE", float("inf"))
        interrupt(small, folder / "run", force=True, **UCB)
    return Stopped(folder / "run", earlier, calm)


@pytest.fixture
def stopped(stopped_once, tmp_path) -> Stopped:
    """A copy to damage."""
    for folder in (stopped_once.run, unfinished(stopped_once.run)):
        shutil.copytree(folder, tmp_path / folder.name)
    return Stopped(tmp_path / "run", stopped_once.earlier, stopped_once.calm)
