"""A task: one verb run once, known by a hash of what it does, to which data.

Two tasks that do the same to the same data have the same id, in whatever recipe they stand, so what one left
in the store is found by the other. Threads, devices and versions of libraries are not part of an id: they
change the bits of a result, and are noted in its row.
"""

import hashlib
import importlib.metadata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

from curate import finder, outside
from curate.artifacts.header import canonical
from curate.artifacts.kinds import header_at
from curate.artifacts.seal import file_sha256
from curate.networks.model import DEFAULT_MODEL
from curate.recipes.options import fields_of_opening
from curate.selection.session import default_period

Fingerprint = Callable[[str, Mapping[str, Any]], str]
_PLACES = ("root", "download")  # where data lie, not what they are


@dataclass(frozen=True)
class Task:
    """One verb run once. `parents` are the ids of the tasks whose output it works on, by option.

    `subject` is a dataset or a file, and empty where a parent is meant. `seed` is that of a trial. `label` is
    what its trials are called in tables, empty for a task that is no trial; `varied` is what a recipe varied
    to come to it.
    """

    step: str
    verb: str
    subject: str
    options: Mapping[str, Any]
    parents: Mapping[str, str] = field(default_factory=dict)
    seed: int = 0
    label: str = ""
    varied: Mapping[str, Any] = field(default_factory=dict)
    id: str = ""

    @property
    def is_trial(self) -> bool:
        """Whether it is a row of the results."""
        return bool(self.label)

    @property
    def opening(self) -> dict[str, Any]:
        """The options that say how its dataset is opened."""
        return {name: self.options[name] for name in fields_of_opening() if name in self.options}


def identified(task: Task, fingerprint: Fingerprint) -> Task:
    """The task with its id. `fingerprint` says by what a dataset is known, from its reference and opening."""
    options = {name: value for name, value in task.options.items() if name not in _PLACES}
    if task.verb == "train":
        options = {**_period(options), **options}
    for name in ("test", "data"):
        if name in options:
            options[name] = fingerprint(str(options[name]), task.opening)
    for name in ("from", "weights"):
        if name in options:
            options[name] = _content(str(options[name]))
    from_outside = {
        kind: origin
        for key, kind in (("model", "models"), ("policy", "policies"))
        if (origin := outside.origin(kind, str(options.get(key, ""))))
    }
    what = {
        **({"outside": from_outside} if from_outside else {}),
        "verb": task.verb,
        "subject": _known_by(task, fingerprint) if task.subject else None,
        "options": options,
        "parents": dict(task.parents),
        "seed": task.seed,
        "curate": _version(),
    }
    return replace(task, id=hashlib.sha256(canonical(what)).hexdigest()[:16])


@cache
def _version() -> str:
    return importlib.metadata.version("curate")


def n_epochs_of(options: Mapping[str, Any]) -> int:
    """How many epochs a run with these options has."""
    if "epochs" in options:
        return int(options["epochs"])
    model = finder.load("models", str(options.get("model", DEFAULT_MODEL)))
    return int(model.hyperparameters.n_epochs)


def _period(options: Mapping[str, Any]) -> dict[str, int]:
    """How often a policy selects that selects so often as is usual, so that to say so changes nothing."""
    policy = finder.load("policies", str(options.get("policy", "full")))
    is_usual = policy.sizing == "keep" and policy.period is None
    return {"period": default_period(n_epochs_of(options))} if is_usual else {}


def _known_by(task: Task, fingerprint: Fingerprint) -> str:
    """A dataset by its fingerprint, an artifact by its content."""
    on_dataset = task.verb in ("embed", "train") or (task.verb == "score" and _content(task.subject) == "")
    return fingerprint(task.subject, task.opening) if on_dataset else _content(task.subject)


def _content(path: str) -> str:
    """The seal of an artifact; empty for what is none."""
    if Path(path).suffix not in ("", ".parquet", ".safetensors", ".npy", ".csv", ".pt", ".pth"):
        return ""
    if Path(path).is_dir():
        return str((header_at(path) or {}).get("sha256", ""))
    if Path(path).is_file() and (Path(path).suffix != ".parquet" or header_at(path)):
        return file_sha256(Path(path))
    return ""
