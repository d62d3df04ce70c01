"""The store: what every finished task left, found by its id.

    STORE/train/3f0c.../
      done.json          the task and its seconds: written last, so it says that all is there
      manifest/          what the verb wrote, or vectors.safetensors, or clusters.parquet, ...
      results.parquet    of a trial: its row

Several runs may share a store, also at the same time: a task is locked while a process works on it.
"""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from curate.artifacts.files import atomic_file
from curate.artifacts.locks import locked
from curate.artifacts.results import Outcome, read_results
from curate.errors import CurateError
from curate.recipes.task import Task

_DONE = "done.json"
_RESULTS, _LOCK = "results.parquet", "lock"
_DAMAGE = (OSError, ValueError, KeyError, IndexError, TypeError, CurateError)
_OUTPUTS = {
    "embed": "vectors.safetensors",
    "cluster": "clusters.parquet",
    "score": "scores.parquet",
    "select": "manifest",
    "train": "manifest",
}


@dataclass(frozen=True)
class Done:
    """A finished task: how long it took, on which machine, and its row of results where it is a trial."""

    task: Mapping[str, Any]
    seconds: float
    machine: str
    outcome: Outcome | None


class Store:
    """A folder of finished tasks."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def place(self, task: Task) -> Path:
        """The folder of a task."""
        return self.folder / task.verb / task.id

    def output(self, task: Task) -> Path:
        """What the verb of a task writes."""
        if task.verb not in _OUTPUTS:
            raise CurateError(f"a step of {task.verb} leaves nothing to build on")
        return self.place(task) / _OUTPUTS[task.verb]

    def results(self, task: Task) -> Path:
        """The row of a trial."""
        return self.place(task) / _RESULTS

    def done(self, task: Task) -> Done | None:
        """What a finished task left; None for one that is not finished."""
        path = self.place(task) / _DONE
        try:
            plain = json.loads(path.read_bytes())
            outcome = read_results(self.results(task))[0] if plain["tried"] else None
            return Done(plain["task"], plain["seconds"], plain["machine"], outcome)
        except FileNotFoundError:
            return None
        except _DAMAGE:
            raise CurateError(f"{path.parent} is damaged: remove that folder, and it is made again") from None

    @contextmanager
    def working_on(self, task: Task) -> Iterator[Path]:
        """The folder of a task, for this process alone."""
        place = self.place(task)
        place.mkdir(parents=True, exist_ok=True)
        (place / _LOCK).touch()  # not the folder, which whoever adds results to it locks
        with locked(place / _LOCK):
            yield place

    def finish(self, task: Task, seconds: float, machine: str) -> None:
        """Note that a task is finished; the last thing to be written."""
        plain = {
            "task": asdict(task),
            "seconds": round(seconds, 3),
            "machine": machine,
            "tried": self.results(task).exists(),
        }
        with atomic_file(self.place(task) / _DONE, force=True) as temporary:
            temporary.write_text(json.dumps(plain, indent=1))

    def finished(self) -> Iterator[Done]:
        """All finished tasks, of whatever recipe; those that cannot be read are left out."""
        for path in sorted(self.folder.glob(f"*/*/{_DONE}")):
            try:
                plain = json.loads(path.read_bytes())
                outcome = read_results(path.with_name(_RESULTS))[0] if plain["tried"] else None
                yield Done(plain["task"], plain["seconds"], plain["machine"], outcome)
            except _DAMAGE:
                continue


def check_store(folder: Path) -> None:
    """Refuse, before any work, a place that cannot be a store."""
    if folder.exists() and not folder.is_dir():
        raise CurateError(f"{folder} is a file: name a folder with --store")
    folder.mkdir(parents=True, exist_ok=True)
    if not os.access(folder, os.W_OK):
        raise CurateError(f"{folder} cannot be written to: name another folder with --store")
