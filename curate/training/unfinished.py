"""A run in progress on disk, so that a killed one goes on where it was.

    NAME.unfinished/
      run.json               what is being run, a record per finished epoch, which checkpoint is good
      epoch-000010.parquet   what was selected at that checkpoint, in the columns of a manifest
      state-000012.pt        weights, optimizer and memory after that epoch: tensors only

`run.json` is the commit point: everything else is written before it names it. The folder is locked
while a run is at work in it, and disappears when the manifest stands in its place.
"""

import importlib
import io
import json
import os
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import torch

from curate.artifact import atomic_file, bytes_sha256
from curate.errors import CurateError, DamagedError
from curate.manifest import Selected, read_epoch, write_epoch
from curate.training.loop import Epoch

_SHARE = 0.02  # of the time of a run, at most, goes into saving its state


class Unfinished:
    """The folder of a run in progress. Use `unfinished()` to open one."""

    def __init__(self, folder: Path, key: Mapping[str, Any]) -> None:
        self._folder, self._key = folder, dict(key)
        self._written: set[int] = set()
        self._waiting: list[dict[str, Any]] = []
        self._not_before = 0.0
        self.records: list[dict[str, Any]] = []
        self._state_file = ""
        self._state_sha256 = ""

    def resume(self) -> dict[str, Any] | None:
        """The state to go on from, or None for a fresh start; `records` holds the epochs before it."""
        path = self._folder / "run.json"
        if not path.exists():
            return None
        try:
            run = json.loads(path.read_text())
            key, self.records = run["key"], run["records"]
            self._state_file, self._state_sha256 = run["state"], run["sha256"]
        except (ValueError, KeyError, TypeError):
            raise DamagedError(f"{path} is damaged: start the run anew with --fresh") from None
        self._refuse_other(key)
        try:
            content = (self._folder / Path(self._state_file).name).read_bytes()
        except OSError:
            content = b""
        if bytes_sha256(content) != self._state_sha256:
            raise DamagedError(
                f"{self._folder / self._state_file} is damaged or cut short: start the run anew with --fresh"
            )
        self._written = {record["checkpoint"] for record in self.records}
        state: dict[str, Any] = torch.load(io.BytesIO(content), weights_only=True, map_location="cpu")
        return state

    def add(self, epoch: Epoch, record: Mapping[str, Any], last: bool) -> None:
        """An epoch is finished: keep its record, its selection where it is new, and its state.

        The state is saved as often as takes no more than a small share of the run, and after the last epoch.
        """
        self._waiting.append(dict(record))
        if epoch.checkpoint not in self._written:
            write_epoch(self._selection_file(epoch.checkpoint), epoch.checkpoint, epoch.selected)
            self._written.add(epoch.checkpoint)
        now = time.monotonic()
        if now < self._not_before and not last:
            return
        buffer = io.BytesIO()
        torch.save(epoch.state(), buffer)
        before = self._state_file
        self._state_file = f"state-{epoch.epoch:06d}.pt"
        self._state_sha256 = bytes_sha256(buffer.getbuffer())
        with atomic_file(self._folder / self._state_file, force=True) as temporary:
            temporary.write_bytes(buffer.getbuffer())
        self.records += self._waiting
        self._waiting = []
        self._write_run()
        if before and before != self._state_file:
            (self._folder / before).unlink(missing_ok=True)
        done = time.monotonic()
        self._not_before = done + (done - now) / _SHARE

    def selection(self) -> Iterator[Selected]:
        """What every epoch trained on, one at a time; the same object for as long as it stands."""
        at, selected = -1, None
        for record in self.records:
            if record["checkpoint"] != at or selected is None:
                at = record["checkpoint"]
                selected = read_epoch(self._selection_file(at))
            yield selected

    def _selection_file(self, checkpoint: int) -> Path:
        return self._folder / f"epoch-{checkpoint:06d}.parquet"

    def _write_run(self) -> None:
        run = {
            "key": self._key,
            "records": self.records,
            "state": self._state_file,
            "sha256": self._state_sha256,
        }
        with atomic_file(self._folder / "run.json", force=True) as temporary:
            temporary.write_text(json.dumps(run))

    def _refuse_other(self, key: Mapping[str, Any]) -> None:
        wanted = json.loads(json.dumps(self._key))
        different = list(_differences(key, wanted))
        if different:
            name, there, here = different[0]
            raise CurateError(
                f"{self._folder} holds an unfinished run of another command ({name} was {there}, is now "
                f"{here}): run that command again to finish it, or use --fresh to drop it"
            )


@contextmanager
def unfinished(output: Path, key: Mapping[str, Any], fresh: bool) -> Iterator[Unfinished]:
    """The folder beside `output` in which its run is in progress; gone when the block ends well.

    `key` says what is being run; a folder left by another run is refused unless `fresh` drops it.
    """
    folder = output.with_name(f"{output.name}.unfinished")
    folder.mkdir(exist_ok=True)
    with _locked(folder):
        if fresh:
            for file in folder.iterdir():
                file.unlink()
        else:
            for file in folder.glob(".*.tmp"):
                file.unlink()
        try:
            yield Unfinished(folder, key)
        except BaseException:
            if not (folder / "run.json").exists():  # nothing to go on from
                shutil.rmtree(folder, ignore_errors=True)
            raise
        (folder / "run.json").unlink(missing_ok=True)
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """One run at a time; the lock dies with its process."""
    fcntl: Any = importlib.import_module("fcntl") if os.name == "posix" else None
    if fcntl is None:  # no such locks on Windows
        yield
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CurateError(f"{folder} is in use by another run: wait for it, or name another -o") from None
        yield
    finally:
        with suppress(OSError):
            os.close(descriptor)


def _differences(there: Any, here: Any, name: str = "") -> Iterator[tuple[str, Any, Any]]:
    """The settings that differ, by name."""
    if isinstance(there, dict) and isinstance(here, dict):
        for key in sorted(there.keys() | here.keys()):
            yield from _differences(there.get(key), here.get(key), key)
    elif there != here:
        yield name, there, here
