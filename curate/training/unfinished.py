"""A run in progress on disk, so that a killed one goes on where it was.

    NAME.unfinished/
      said.txt               the command line that began it
      run.json               what is being run, a record per finished epoch, which checkpoint is good
      epoch-000010.parquet   what was selected at that checkpoint, in the columns of a manifest
      trace-000012.parquet   what that epoch saw of its samples, in the columns of a trace
      scores-003.npy         the scores by that model
      state-000012.pt        weights, optimizer and memory after that epoch: tensors only

`run.json` is the commit point: everything else is written before it names it. The folder is locked
while a run is at work in it, and disappears when the manifest stands in its place.
"""

import errno
import json
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from curate import world
from curate.artifacts.files import atomic_file
from curate.artifacts.header_schema import MOST_BYTES, parsed
from curate.artifacts.locks import locked
from curate.artifacts.reading import read_bounded
from curate.artifacts.seal import UNSEALED, check_seal, file_sha256, seal_file
from curate.artifacts.standing import stands
from curate.errors import CurateError, DamagedError
from curate.manifests.manifest import Selected, read_epoch
from curate.progress import Progress

ENDING = ".unfinished"
_RUN, SAID = "run.json", "said.txt"
_OURS = re.compile(
    r"run\.json|said\.txt|(epoch|trace)-\d+\.parquet|trace\.parquet|scores-\d+\.npy|state-\d+\.pt|\..*\.tmp"
)
_ANEW = "start the run anew with --fresh"
_SHARE = 0.02  # of the time of a run, at most, goes into saving its state


class Unfinished:
    """The folder of a run in progress. Use `unfinished()` to open one."""

    def __init__(self, folder: Path, key: Mapping[str, Any], n_epochs: int, said: str) -> None:
        self._folder, self._key = folder, json.loads(json.dumps(key))
        self._about = {"n_epochs": n_epochs, "said": said}  # for `curate status`
        self._files: dict[str, str] = {}  # sha256 of the selections
        self._state = ""
        self._waiting: list[dict[str, Any]] = []
        self._not_before = 0.0
        self.records: list[dict[str, Any]] = []
        self._begun_by = 1

    def resume(self, output: Path) -> dict[str, Any] | None:
        """The state to go on from, or None for a fresh start; `records` holds the epochs before it."""
        import torch

        run = read_run(self._folder)
        if run is None or (_differs(run["key"], self._key) and stands(output, run["key"])):
            return None
        self._refuse_other(run["key"])
        for name, expected in {**run["files"], run["state"]: run["state_sha256"]}.items():
            file = self._folder / Path(name).name
            if not file.is_file() or file_sha256(file) != expected:
                raise DamagedError(f"{file} is damaged or cut short: {_ANEW}")
        self.records, self._files, self._state = run["records"], run["files"], run["state"]
        self._begun_by = run["key"].get("world_size", 1)
        state: dict[str, Any] = torch.load(self._folder / self._state, weights_only=True, map_location="cpu")
        return state

    def goes_on(self, epoch: int, n_epochs: int) -> str:
        """What is said of going on after an epoch, where another number of ranks trains as well."""
        now = self._key.get("world_size", 1)
        other = f" with a world size of {now}, not {self._begun_by} as before: equal up to rounding"
        return f"going on after epoch {epoch + 1} of {n_epochs}{other if now != self._begun_by else ''}"

    def has(self, name: str) -> bool:
        """Whether a file was kept already."""
        return name in self._files

    def keep(self, name: str, write: Callable[[Path], None]) -> None:
        """Write a file of this run; it counts from the next time that `run.json` is written."""
        write(self._folder / name)
        self._files[name] = file_sha256(self._folder / name)

    def path(self, name: str) -> Path:
        """Where a file of this run is."""
        return self._folder / name

    def add(self, record: Mapping[str, Any], state: Callable[[], dict[str, Any]], last: bool) -> None:
        """An epoch is finished: keep its record and its state, once its files are kept.

        The state is saved as often as takes no more than a small share of the run, and after the last epoch.
        """
        self._waiting.append(dict(record))
        now = time.monotonic()
        if now < self._not_before and not last:
            return
        before, self._state = self._state, f"state-{record['epoch']:06d}.pt"
        with atomic_file(self._folder / self._state, force=True) as temporary:
            _save(state(), temporary)
        self.records += self._waiting
        self._waiting = []
        self._write_run()
        if before and before != self._state:
            (self._folder / before).unlink(missing_ok=True)
        done = time.monotonic()
        self._not_before = done + (done - now) / _SHARE

    def note(self, record: Mapping[str, Any]) -> None:
        """Something after the last epoch is finished: keep its record."""
        self.records.append(dict(record))
        self._write_run()

    def selection(self) -> Iterator[Selected]:
        """What every epoch trained on, one at a time; the same object for as long as it stands."""
        at, selected = -1, None
        for record in self.records:
            if record["checkpoint"] != at or selected is None:
                at = record["checkpoint"]
                selected = read_epoch(self._folder / selection_file(at))
            yield selected

    def _write_run(self) -> None:
        run = {
            "sha256": UNSEALED,
            "key": self._key,
            **self._about,
            "records": self.records,
            "files": self._files,
            "state": self._state,
            "state_sha256": file_sha256(self._folder / self._state),
        }
        with atomic_file(self._folder / _RUN, force=True) as temporary:
            temporary.write_text(json.dumps(run))
            seal_file(temporary)

    def _refuse_other(self, key: Mapping[str, Any]) -> None:
        if (different := _differs(key, self._key)) is not None:
            name, there, here = (str(part)[:80] for part in different)
            raise CurateError(
                f"{self._folder} holds an unfinished run of another command ({name} was {there}, is now "
                f"{here}): run that command again to finish it, or use --fresh to drop it"
            )


@contextmanager
def unfinished(
    output: Path, key: Mapping[str, Any], n_epochs: int, fresh: bool, progress: Progress
) -> Iterator[Unfinished]:
    """The folder beside `output` in which its run of `n_epochs` is in progress, until the block ends well.

    `key` says what is being run; a folder left by another run is refused unless `fresh` drops it.
    """
    folder = output.with_name(f"{output.name}{ENDING}")
    folder.mkdir(exist_ok=True)
    with locked(folder, in_use=f"{folder} is in use by another run: wait for it, or name another -o"):
        strangers = [file.name for file in folder.iterdir() if not _OURS.fullmatch(file.name)]
        if strangers:
            raise CurateError(
                f"{folder} holds {strangers[0]}, which is not of a run: move it, or name another -o"
            )
        for left in folder.iterdir() if fresh else folder.glob(".*.tmp"):
            left.unlink()
        being_written = re.compile(rf"\.{re.escape(output.name)}\.[a-z0-9_]{{8}}\.tmp")
        for left in output.absolute().parent.iterdir():
            if being_written.fullmatch(left.name) and left.is_dir():
                shutil.rmtree(left)
        if progress.said and not (folder / _RUN).exists():
            (folder / SAID).write_text(progress.said)
        try:
            yield Unfinished(folder, key, n_epochs, progress.said)
        except CurateError:
            _leave(folder)
            raise
        except BaseException:
            if _leave(folder):
                progress.note(f"{folder} keeps the epochs that are done: run the same command again to go on")
            raise
        (folder / _RUN).unlink(missing_ok=True)
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def unfinished_together(
    output: Path, key: Mapping[str, Any], n_epochs: int, fresh: bool, progress: Progress
) -> Iterator[Unfinished]:
    """`unfinished` for ranks that train one network: the first keeps what is done, the others read it."""
    ranks = world.here()
    if ranks.rank == 0:
        with unfinished(output, key, n_epochs, fresh, progress) as run:
            ranks.wait()
            yield run
        return
    ranks.wait()
    yield _Read(output.with_name(f"{output.name}{ENDING}"), key, n_epochs, "")


class _Read(Unfinished):
    """A run that another rank keeps."""

    def keep(self, name: str, write: Callable[[Path], None]) -> None:
        self._files[name] = ""

    def add(self, record: Mapping[str, Any], state: Callable[[], dict[str, Any]], last: bool) -> None:
        self.records.append(dict(record))

    def note(self, record: Mapping[str, Any]) -> None:
        self.records.append(dict(record))


def clear_left(output: Path) -> None:
    """Remove what a run left that was killed while it cleared up: its output stands, and nothing goes on."""
    folder = output.with_name(f"{output.name}{ENDING}")
    if folder.is_dir() and not (folder / _RUN).exists():
        with suppress(CurateError), locked(folder, in_use="another run is beginning there"):
            if all(_OURS.fullmatch(file.name) for file in folder.iterdir()):
                shutil.rmtree(folder, ignore_errors=True)


def _save(state: Mapping[str, Any], path: Path) -> None:
    """torch.save, which has an error of its own where the disk is full."""
    import torch

    try:
        torch.save(state, path)
    except RuntimeError as problem:
        if "inline_container" not in str(problem):
            raise
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path)) from None


def _leave(folder: Path) -> bool:
    """Keep the folder where there is something to go on from."""
    if (folder / _RUN).exists():
        return True
    shutil.rmtree(folder, ignore_errors=True)
    return False


def run_beside(output: Path) -> dict[str, Any] | None:
    """What is unfinished of an output: run.json, verified; None where there is nothing to go on from."""
    return read_run(output.with_name(f"{output.name}{ENDING}"))


def read_run(folder: Path) -> dict[str, Any] | None:
    """run.json, verified; None where there is none."""
    path = folder / _RUN
    if not path.exists():
        return None
    try:
        check_seal(path)
        run: dict[str, Any] = parsed(read_bounded(path, MOST_BYTES))
        _check_run(run)
    except (ValueError, KeyError, TypeError, AttributeError, DamagedError):
        raise DamagedError(f"{path} is damaged: {_ANEW}") from None
    return run


def _check_run(run: Mapping[str, Any]) -> None:
    """KeyError, TypeError, ValueError or AttributeError for what no run wrote."""
    files = {**run["files"], run["state"]: run["state_sha256"]}
    key, records = run["key"], [dict(record) for record in run["records"]]
    texts = [*files, *files.values(), run["said"], key["command"], key["dataset"]["reference"]]
    if not all(isinstance(text, str) for text in texts) or not isinstance(run["n_epochs"], int):
        raise TypeError("other types than those of a run")
    if not all(isinstance(record.get("epoch", 0), int) for record in records):
        raise TypeError("an epoch that is no number")


def being_finished(output: Path, key: Mapping[str, Any]) -> bool:
    """Whether a run wrote its output and was killed before it had cleared up: it is to be finished."""
    run = run_beside(output)
    if run is None or _differs(run["key"], json.loads(json.dumps(key))):
        return False
    return stands(output, run["key"])


def selection_file(checkpoint: int) -> str:
    """The name of what was selected at a checkpoint."""
    return f"epoch-{checkpoint:06d}.parquet"


def trace_file(epoch: int) -> str:
    """The name of what an epoch saw."""
    return f"trace-{epoch:06d}.parquet"


def _differs(there: Any, here: Any) -> tuple[str, Any, Any] | None:
    """The first setting in which two runs differ; how many ranks train is none."""
    return next((found for found in _differences(there, here) if found[0] != "world_size"), None)


def _differences(there: Any, here: Any, name: str = "") -> Iterator[tuple[str, Any, Any]]:
    """The settings that differ, by name; what the user said comes first."""
    if isinstance(there, dict) and isinstance(here, dict):
        for key in sorted(there.keys() | here.keys(), key=lambda key: (key != "options", key)):
            yield from _differences(there.get(key), here.get(key), key)
    elif there != here:
        yield name, there, here
