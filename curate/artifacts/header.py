"""Headers: what an artifact is and where it came from, in typed parts, with one way to JSON and back.

A header has no time of day and no output path, so the same command writes the same bytes; only scores note
the seconds that they cost. Nothing changes a header after it is made: `dataclasses.replace` makes another.
"""

import importlib.metadata
import json
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, fields
from functools import cache
from pathlib import Path
from typing import Any, Literal

from curate import world
from curate.artifacts.header_schema import check_header, parsed
from curate.errors import CurateError, DamagedError, MismatchError
from curate.outside import in_file

FORMAT = 1
HardIs = Literal["high", "low"]
_LIBRARIES = {
    "curate": ("curate",),
    "faiss": ("faiss-gpu", "faiss-cpu"),
    "numpy": ("numpy",),
    "polars": ("polars",),
    "torch": ("torch",),
}


@dataclass(frozen=True)
class DatasetReference:
    """How a header names a dataset: enough to open it again, and its fingerprint to know it by.

    What is None, False or empty was not asked for, and is not written. `skipped` names the samples left out
    because they could not be read; `n_rows` is how many samples the source has as other libraries count them;
    `vectors_only` says that there are no images, only vectors from elsewhere.
    """

    reference: str
    split: str
    n: int
    classes: list[str]
    fingerprint: str
    image_size: int | None = None
    channels: int | None = None
    image_column: str | None = None
    label_column: str | None = None
    skip_corrupt: bool = False
    skipped: list[str] = field(default_factory=list)
    vectors_only: bool = False
    n_rows: int | None = None

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        plain = {one.name: getattr(self, one.name) for one in fields(self)}
        return {name: value for name, value in plain.items() if name in _ALWAYS_NAMED or value}

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> "DatasetReference":
        """What `to_json` gave; TypeError or ValueError where it gave something else."""
        known = {one.name for one in fields(cls)}
        made = cls(**{name: value for name, value in plain.items() if name in known})
        if not (isinstance(made.n, int) and isinstance(made.classes, list) and made.n >= 0):
            raise ValueError(f"n={made.n} and classes={made.classes}")
        if in_file(str(made.reference)) is not None:
            raise ValueError(f"{made.reference} names code, which no artifact does")
        return made

    def __str__(self) -> str:
        return f"{self.reference} ({self.split}, {self.n:,} samples, fingerprint {self.fingerprint[:12]})"


_ALWAYS_NAMED = ("reference", "split", "n", "classes", "fingerprint")


@dataclass(frozen=True)
class Cost:
    """What scores cost: seconds (None: unknown), samples seen in training, and models trained at once.

    On disk an unknown time is 0.0, beside samples that were seen.
    """

    seconds: float | None
    samples_seen: int
    models_at_once: int | None = None

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        plain = {"seconds": self.seconds or 0.0, "samples_seen": self.samples_seen}
        return plain | ({} if self.models_at_once is None else {"models_at_once": self.models_at_once})

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> "Cost":
        """What `to_json` gave."""
        unknown = plain["samples_seen"] and not plain["seconds"]
        return cls(None if unknown else plain["seconds"], plain["samples_seen"], plain.get("models_at_once"))


@dataclass(frozen=True)
class Step:
    """One command of a lineage: what was run, and what it cost where that is noted."""

    command: str
    options: Mapping[str, Any]
    seed: int
    cost: Cost | None = None

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        plain = {"command": self.command, "options": dict(self.options), "seed": self.seed}
        return plain | ({} if self.cost is None else {"cost": self.cost.to_json()})

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> "Step":
        """What `to_json` gave."""
        cost = Cost.from_json(plain["cost"]) if "cost" in plain else None
        return cls(plain["command"], plain["options"], plain["seed"], cost)


@dataclass(frozen=True)
class RankingColumn:
    """A column that can rank samples: which side is hard, in what unit, and where not learned begins."""

    hard_is: HardIs
    unit: str = ""
    unlearned_beyond: float | None = None

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        plain: dict[str, Any] = {"hard_is": self.hard_is} | ({"unit": self.unit} if self.unit else {})
        beyond = self.unlearned_beyond
        return plain | ({} if beyond is None else {"unlearned_beyond": beyond})


@dataclass(frozen=True)
class Header:
    """What an artifact is, and where it came from.

    `parents` maps a role to the seal of what the artifact was made from, directly or not; `lineage` has the
    commands that made those, oldest first. `columns` are those of a table that can rank samples, `files` the
    sha256 of the files of a manifest. `sha256` is the seal, empty before there is one. `command` is None for
    vectors that curate did not make: of those nothing is known but kind, dataset and seal.
    """

    kind: str
    dataset: DatasetReference
    command: str | None
    options: Mapping[str, Any] = field(default_factory=dict)
    seed: int = 0
    parents: Mapping[str, str] = field(default_factory=dict)
    lineage: tuple[Step, ...] = ()
    summary: Mapping[str, Any] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    device: str = "cpu"
    n_threads: int = 1
    world_size: int = 1
    cost: Cost | None = None
    columns: Mapping[str, RankingColumn] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    sha256: str = ""

    @property
    def steps(self) -> tuple[Step, ...]:
        """The lineage, and the command that made this artifact."""
        own = () if self.command is None else (Step(self.command, self.options, self.seed, self.cost),)
        return (*self.lineage, *own)

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        if self.command is None:
            return {"kind": self.kind, "dataset": self.dataset.to_json(), "sha256": self.sha256}
        plain: dict[str, Any] = {
            "format": FORMAT,
            "kind": self.kind,
            "dataset": self.dataset.to_json(),
            "command": self.command,
            "options": dict(self.options),
            "seed": self.seed,
            "parents": dict(self.parents),
            "lineage": [step.to_json() for step in self.lineage],
            "summary": dict(self.summary),
            "versions": dict(self.versions),
            "device": self.device,
            "n_threads": self.n_threads,
            "world_size": self.world_size,
        }
        if self.cost is not None:
            plain["cost"] = self.cost.to_json()
        if self.columns:
            plain["columns"] = {name: column.to_json() for name, column in self.columns.items()}
        if self.files:
            plain["files"] = dict(self.files)
        return plain | ({"sha256": self.sha256} if self.sha256 else {})

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> "Header":
        """What `to_json` gave; KeyError, TypeError or ValueError for anything else."""
        known = {one.name for one in fields(cls)}
        values = {name: value for name, value in plain.items() if name in known}
        values["dataset"] = DatasetReference.from_json(plain["dataset"])
        values["lineage"] = tuple(Step.from_json(step) for step in plain["lineage"])
        if "cost" in plain:
            values["cost"] = Cost.from_json(plain["cost"])
        if "columns" in plain:
            values["columns"] = {name: RankingColumn(**about) for name, about in plain["columns"].items()}
        return cls(**values)


def make_header(
    kind: str,
    command: str,
    options: Mapping[str, Any],
    *,
    seed: int,
    dataset: DatasetReference,
    parents: Mapping[str, Header] | None = None,
    summary: Mapping[str, Any] | None = None,
    columns: Mapping[str, RankingColumn] | None = None,
    cost: Cost | None = None,
    device: str = "cpu",
    n_threads: int | None = None,
) -> Header:
    """The header of an artifact of `kind` made by `command`, on this machine.

    `parents` maps a role to the header of what it was made from. Their seals, those of their own parents, and
    the commands that made them are kept.
    """
    seals: dict[str, str] = {}
    lineage: list[Step] = []
    for role, parent in (parents or {}).items():
        seals |= {**parent.parents, role: parent.sha256}
        lineage += parent.steps
    return Header(
        kind=kind,
        dataset=dataset,
        command=command,
        options=dict(options),
        seed=seed,
        parents=seals,
        lineage=tuple(lineage),
        summary=dict(summary or {}),
        versions=versions(),
        device=device,
        n_threads=n_threads or thread_count(),
        world_size=world.here().size,
        cost=cost,
        columns=dict(columns or {}),
    )


def read_header(text: str | bytes | None, path: Path, kinds: tuple[str, ...]) -> Header:
    """A header from its JSON. Refuses what is no artifact, is of a newer curate, or is not of these kinds."""
    try:
        plain = parsed(text) if text else None
    except ValueError:
        raise DamagedError(f"{path} is damaged: its header is not readable; copy it anew") from None
    if not isinstance(plain, dict) or "kind" not in plain or "format" not in plain:
        raise DamagedError(f"{path} has no curate header: it was not written by curate")
    if plain["format"] != FORMAT:
        told = repr(plain["format"])[:40]
        raise CurateError(f"{path} has format {told}, this curate reads {FORMAT}: update curate")
    if kinds and plain["kind"] not in kinds:
        raise CurateError(f"{path} holds {_word(plain['kind'])}, not {' or '.join(kinds)}")
    try:
        check_header(plain)
        return Header.from_json(plain)
    except (KeyError, TypeError, ValueError, AttributeError) as problem:
        reason = f"{type(problem).__name__}: {problem}"[:120]
        raise DamagedError(f"{path} is damaged: its header is incomplete ({reason}); copy it anew") from None


def _word(text: Any) -> str:
    """What a header calls something, as it is quoted in an error: a plain word as it is."""
    return text if isinstance(text, str) and text.isidentifier() and len(text) < 40 else repr(text)[:40]


def cost_of(steps: Sequence[Step]) -> tuple[float | None, int]:
    """What the scores among the steps of a lineage have cost: seconds, and samples seen in training.

    A run counts once, however many tables and traces came from it. The seconds are None where one of the
    runs notes none, such as the trace of a `curate train`, whose bytes are those of any other such run, and
    where scores were made elsewhere.
    """
    costs: dict[bytes, Cost] = {}
    noted = [(step, step.cost) for step in steps if step.cost is not None]
    for step, cost in sorted(noted, key=lambda one: one[1].seconds or 0.0):
        # A run's table and its trace differ in nothing but the seconds: of those, the larger stay.
        trained = {"cost": cost.samples_seen} if cost.samples_seen else {}
        costs[canonical({**step.to_json(), **trained})] = cost
    seconds = [cost.seconds for cost in costs.values()]
    known = [each for each in seconds if each is not None]
    elsewhere = any(step.command == "score" and "from" in step.options for step in steps)
    total = sum(known) if len(known) == len(seconds) and not elsewhere else None
    return total, sum(cost.samples_seen for cost in costs.values())


def check_same_dataset(
    one: DatasetReference, one_name: str, other: DatasetReference, other_name: str
) -> None:
    """Refuse to join two things by position when their dataset fingerprints differ."""
    if one.fingerprint != other.fingerprint:
        raise MismatchError(other_dataset(one, one_name, other, other_name))


def other_dataset(one: DatasetReference, one_name: str, other: DatasetReference, other_name: str) -> str:
    """What to say of two things that are of different datasets."""
    return f"{one_name} was made from {one}, {other_name} is {other}: they do not belong together"


def versions() -> dict[str, str]:
    """Versions of the libraries that results depend on, read without importing them."""
    return dict(_versions())


@cache
def _versions() -> dict[str, str]:
    by_library = {}
    for library, distributions in _LIBRARIES.items():
        for distribution in distributions:
            with suppress(importlib.metadata.PackageNotFoundError):
                by_library[library] = importlib.metadata.version(distribution)
                break
    return by_library


def thread_count() -> int:
    """How many threads numerical libraries will use: OMP_NUM_THREADS, else the processors at hand."""
    set_by_user = os.environ.get("OMP_NUM_THREADS", "")
    if set_by_user.isdigit() and int(set_by_user) > 0:
        return int(set_by_user)
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def canonical(value: Any) -> bytes:
    """JSON with sorted keys and no spaces: one spelling for one value."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()
