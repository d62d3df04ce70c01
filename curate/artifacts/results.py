"""Results: what each trial found, one row per trial, in one Parquet file that is only ever added to.

    polars.read_parquet("mnist-centroids.parquet")

Rows are told apart by `key`, a hash of all that a trial depends on, so a trial is never run or written twice.
Seconds differ from run to run; everything else in a row is the same wherever its key is.
"""

import hashlib
import os
import platform
import typing
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from curate.artifacts.arrow import column_of
from curate.artifacts.files import atomic_file, check_output
from curate.artifacts.header import FORMAT, canonical
from curate.artifacts.header_schema import parsed
from curate.artifacts.locks import locked
from curate.artifacts.reading import damage_as_one_line, open_parquet
from curate.artifacts.seal import UNSEALED, check_seal, seal_file
from curate.artifacts.tables import check_sizes
from curate.errors import CurateError, DamagedError

KIND = "results"


@dataclass(frozen=True)
class Outcome:
    """One trial: what was trained, on what, and what came out. Accuracies are in 0..1, times in seconds.

    `name` is what a table calls all trials that differ by seed alone; `varied` is what a recipe varied, as
    JSON. `settings` are all options, as JSON. `accuracy_per_epoch` has NaN where the test set was not looked
    at. `scoring_seconds` and `scoring_samples_seen` are what the scores cost that a selection was made by;
    seconds are None where they are not known. `times_selected` says how many samples were selected at 0, 1,
    2, ... checkpoints, and is empty for a selection that never changes.
    """

    key: str
    name: str
    varied: str
    command: str
    settings: str
    dataset: str
    fingerprint: str
    test_fingerprint: str
    model: str
    manifest: str
    manifest_sha256: str
    seed: int
    n: int
    n_selected_per_epoch: float
    n_epochs: int
    accuracy: float
    worst_class: float
    test_loss: float
    accuracy_per_epoch: list[float]
    samples_seen: int
    scoring_samples_seen: int
    scoring_seconds: float | None
    select_seconds: float | None
    train_seconds: float | None
    evaluate_seconds: float | None
    times_selected: list[int]
    weights_sha256: str
    device: str
    machine: str
    n_threads: int
    versions: str


def key_of(identity: Mapping[str, Any]) -> str:
    """The key of a trial from all that it depends on."""
    return hashlib.sha256(canonical(identity)).hexdigest()


def machine() -> str:
    """The processor's name, and how many there are."""
    name = platform.processor() or platform.machine()
    if Path("/proc/cpuinfo").exists():
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
        name = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), name)
    return f"{name}, {os.cpu_count()} cores"


def read_results(path: str | Path) -> list[Outcome]:
    """All rows of a results file, checked; in the order in which they were added."""
    rows, _ = _read(Path(path))
    return rows


def about_results(path: str | Path) -> dict[str, Any]:
    """What a results file says of itself: the recipe that it came from, or nothing."""
    return _read(Path(path))[1]


def check_results(path: Path, force: bool = False) -> None:
    """Refuse, before any work, a file in which results cannot be kept; `force` will begin it anew."""
    check_output(path, force=True)
    if path.is_dir():
        raise CurateError(f"{path} is a folder: name a file")
    if path.exists() and not force:
        _read(path)


def add_results(path: Path, rows: Sequence[Outcome], *, anew: bool = False, replaces: bool = False) -> None:
    """Add the rows whose key is not there yet, or begin `anew` with them.

    With `replaces` they take the places of rows of the same keys.

    One process writes at a time, and the old file or the new one stands.
    """
    check_output(path, force=True)
    with locked(path.absolute().parent):
        there, about = _read(path) if path.exists() and not anew else ([], {})
        if replaces:
            new = {row.key for row in rows}
            there = [row for row in there if row.key not in new]
        keys = {row.key for row in there}
        write_results(path, [*there, *(row for row in rows if row.key not in keys)], about)


def write_results(path: Path, rows: Sequence[Outcome], about: Mapping[str, Any]) -> None:
    """Write a results file anew."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    plain = [asdict(row) for row in rows]
    table = pa.table(
        {name: column_of([row[name] for row in plain], kind) for name, kind in _columns().items()}
    )
    head = {"format": FORMAT, "kind": KIND, "about": dict(about), "sha256": UNSEALED}
    with atomic_file(path, force=True) as temporary:
        with pq.ParquetWriter(temporary, table.schema, store_schema=False, compression="zstd") as writer:
            writer.write_table(table)
            writer.add_key_value_metadata({"curate": canonical(head).decode()})
        seal_file(temporary)


def _read(path: Path) -> tuple[list[Outcome], dict[str, Any]]:
    if not path.is_file():
        raise CurateError(f"there are no results {path}: make some with `curate replay` or `curate run`")
    with damage_as_one_line(path, "results file", "copy it anew"):
        file = open_parquet(path)
        head = parsed((file.metadata.metadata or {}).get(b"curate", b"null"))
        if not isinstance(head, dict) or head.get("kind") != KIND:
            raise CurateError(f"{path} holds no results: name what `curate replay` or `curate run` wrote")
        if head["format"] != FORMAT:
            raise CurateError(
                f"{path} has format {head['format']!r:.40}, this curate reads {FORMAT}: update curate"
            )
        check_seal(path)
        check_sizes(file, None, path)
        rows = _rows_of(file, path)
        about = head["about"]
        if not isinstance(about, dict):
            raise TypeError(f"about={about!r}")
    return rows, about


def _rows_of(file: Any, path: Path) -> list[Outcome]:
    """The rows of an open results file: columns of their types, and no value missing that has to be there."""
    wanted = {name: kind for name, kind in _columns().items() if name in file.schema_arrow.names}
    table = file.read(list(wanted))
    hints = typing.get_type_hints(Outcome)
    for name, kind in wanted.items():
        column = table.column(name)
        if column.type != kind:
            raise DamagedError(f"{path} has a column {name} of {column.type}, and not {kind}: copy it anew")
        if column.null_count and hints[name] != float | None:
            raise DamagedError(f"{path} has no {name} in some rows: copy it anew")
    return [Outcome(**row) for row in table.to_pylist()]


def _columns() -> dict[str, Any]:
    import pyarrow as pa

    types = {
        str: pa.string(),
        int: pa.int64(),
        float: pa.float64(),
        float | None: pa.float64(),
        list[float]: pa.list_(pa.float64()),
        list[int]: pa.list_(pa.int64()),
    }
    hints = typing.get_type_hints(Outcome)
    return {field.name: types[hints[field.name]] for field in fields(Outcome)}
