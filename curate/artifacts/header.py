"""What every artifact shares: its header, its hash, how it is written and how it is checked.

A header says in JSON what an artifact is and where it came from. It has no time of day and no output
path, so the same command writes the same bytes; only scores note the seconds that they cost. The field
`sha256` seals an artifact: it is the hash of the whole file with zeros in the place of the seal itself, and
is checked before anything else is read. The seal is also the name by which a child artifact remembers its
parents.
"""

import ctypes
import errno
import hashlib
import importlib.metadata
import json
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from curate.errors import CurateError, DamagedError, MismatchError

FORMAT = 1
UNSEALED = "0" * 64
_SEAL = re.compile(rb'\\?"sha256\\?": ?\\?"([0-9a-f]{64})')
_HEADER_BYTES = 16 * 2**20
_HASH_BYTES = 2**24
_LIBRARIES = {
    "curate": ("curate",),
    "faiss": ("faiss-gpu", "faiss-cpu"),
    "numpy": ("numpy",),
    "polars": ("polars",),
    "torch": ("torch",),
}

Header = dict[str, Any]


def make_header(
    kind: str,
    command: str,
    options: Mapping[str, Any],
    *,
    seed: int,
    dataset: Mapping[str, Any] | None,
    parents: Mapping[str, Header] | None = None,
    summary: Mapping[str, Any] | None = None,
    device: str = "cpu",
    n_threads: int | None = None,
) -> Header:
    """The header of an artifact of `kind` made by `command`.

    `parents` maps a role to the header of what it was made from. Their seals, and those of their own
    parents, are kept in `parents`; the commands that made them, oldest first, in `lineage`, and what they
    cost, where that is known.
    """
    seals: dict[str, str] = {}
    lineage: list[dict[str, Any]] = []
    for role, parent in (parents or {}).items():
        seals |= {**parent.get("parents", {}), role: parent["sha256"]}
        lineage += parent.get("lineage", [])
        if "command" in parent:
            lineage.append(
                {key: parent[key] for key in ("command", "options", "seed", "cost") if key in parent}
            )
    return {
        "format": FORMAT,
        "kind": kind,
        "dataset": dict(dataset) if dataset else None,
        "command": command,
        "options": dict(options),
        "seed": seed,
        "parents": seals,
        "lineage": lineage,
        "summary": dict(summary or {}),
        "versions": versions(),
        "device": device,
        "n_threads": n_threads or thread_count(),
        "world_size": 1,
    }


def cost_of(steps: Sequence[Mapping[str, Any]]) -> tuple[float | None, int]:
    """What the scores among the steps of a lineage have cost: seconds, and samples seen in training.

    A run counts once, however many tables and traces came from it. The seconds are None where one of the
    runs notes none, such as the trace of a `curate train`, whose bytes are those of any other such run.
    """
    costs: dict[bytes, Mapping[str, Any]] = {}
    for step in sorted((step for step in steps if "cost" in step), key=lambda step: step["cost"]["seconds"]):
        cost = step["cost"]
        # A run's table and its trace differ in nothing but the seconds: of those, the larger stay.
        trained = {"cost": cost["samples_seen"]} if cost["samples_seen"] else {}
        costs[canonical({**step, **trained})] = cost
    known = all(cost["seconds"] for cost in costs.values() if cost["samples_seen"])
    seconds = sum(cost["seconds"] for cost in costs.values()) if known else None
    return seconds, sum(cost["samples_seen"] for cost in costs.values())


def versions() -> dict[str, str]:
    """Versions of the libraries that results depend on, read without importing them."""
    found = {}
    for library, distributions in _LIBRARIES.items():
        for distribution in distributions:
            with suppress(importlib.metadata.PackageNotFoundError):
                found[library] = importlib.metadata.version(distribution)
                break
    return found


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


def seal_file(path: Path) -> str:
    """Put the seal into a file written with `UNSEALED` as the `sha256` of its header; returns it."""
    place, _ = _find_seal(path)
    seal = _hash_with_zeros_at(path, place)
    with path.open("r+b") as file:
        file.seek(place)
        file.write(seal.encode())
    return seal


def check_seal(path: Path) -> None:
    """Refuse a file of which a single byte is not what was written."""
    place, seal = _find_seal(path)
    if _hash_with_zeros_at(path, place) != seal:
        raise DamagedError(
            f"{path} is damaged: its content does not match its sha256; make it again or copy it anew"
        )


def _find_seal(path: Path) -> tuple[int, str]:
    """Where in a file its seal is, and what it says: near its start, or in its footer in Parquet."""
    size = path.stat().st_size
    with path.open("rb") as file:
        start = 0
        if file.read(4) == b"PAR1":
            file.seek(max(0, size - 8))
            start = max(0, size - 8 - int.from_bytes(file.read(4), "little"))
        file.seek(start)
        found = _SEAL.search(file.read(_HEADER_BYTES))
        if found:
            return start + found.start(1), found[1].decode()
    raise DamagedError(f"{path} is damaged: it has lost its seal; make it again or copy it anew")


def _hash_with_zeros_at(path: Path, place: int) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        digest.update(file.read(place))
        digest.update(UNSEALED.encode())
        file.seek(place + len(UNSEALED))
        while part := file.read(_HASH_BYTES):
            digest.update(part)
    return digest.hexdigest()


def read_header(text: str | bytes | None, path: Path, kinds: tuple[str, ...]) -> Header:
    """A header from its JSON; refuses no artifact, one of a newer curate, or of another kind than wanted."""
    try:
        header = json.loads(text) if text else None
    except ValueError:
        raise DamagedError(f"{path} is damaged: its header is not readable; copy it anew") from None
    if not isinstance(header, dict) or "kind" not in header or "format" not in header:
        raise DamagedError(f"{path} has no curate header: it was not written by curate")
    if header["format"] != FORMAT:
        raise CurateError(f"{path} has format {header['format']}, this curate reads {FORMAT}: update curate")
    if kinds and header["kind"] not in kinds:
        raise CurateError(f"{path} holds {header['kind']}, not {' or '.join(kinds)}")
    return header


def check_same_dataset(
    one: Mapping[str, Any] | None, one_name: str, other: Mapping[str, Any] | None, other_name: str
) -> None:
    """Refuse to join two things by position when their dataset fingerprints differ."""
    prints = [data["fingerprint"] if data else None for data in (one, other)]
    if prints[0] != prints[1]:
        raise MismatchError(
            f"{one_name} was made from {describe_dataset(one)}, "
            f"{other_name} is {describe_dataset(other)}: they do not belong together"
        )


def describe_dataset(dataset: Mapping[str, Any] | None) -> str:
    """A dataset in a few words: reference, split, size and the start of its fingerprint."""
    if dataset is None:
        return "no dataset"
    return (
        f"{dataset['reference']} ({dataset['split']}, {dataset['n']:,} samples, "
        f"fingerprint {dataset['fingerprint'][:12]})"
    )


def file_sha256(path: Path) -> str:
    """sha256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check_output(path: Path, force: bool) -> None:
    """Refuse an output that exists. Called before the work as well as before the write."""
    if path.exists() and not force:
        raise CurateError(f"{path} exists: use --force to replace it, or -o to write elsewhere")
    if not path.absolute().parent.is_dir():
        raise CurateError(f"the folder {path.parent} does not exist: make it, or name another output")


@contextmanager
def atomic_file(path: Path, force: bool = False) -> Iterator[Path]:
    """A temporary file beside `path` that takes its place when the block ends well.

    A crash, a kill or an error leaves what was there before. The rename follows an fsync.
    """
    check_output(path, force)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(0o666 & ~_umask())
        _sync(temporary)
        if path.is_dir():
            raise CurateError(f"{path} is a folder: give -o a file name")
        check_output(path, force)
        temporary.replace(path)
        _sync(path.absolute().parent)
    finally:
        temporary.unlink(missing_ok=True)


def check_output_folder(path: Path, force: bool = False) -> None:
    """Like `check_output`, for a manifest's folder: nothing else is ever replaced by one."""
    check_output(path, force)
    if path.exists() and not (path / "manifest.json").is_file():
        raise CurateError(f"{path} exists and is not a manifest folder: it is not replaced")


@contextmanager
def atomic_folder(path: Path, force: bool = False) -> Iterator[Path]:
    """A temporary folder beside `path` that takes its place, whole, when the block ends well."""
    check_output_folder(path, force)
    temporary = Path(tempfile.mkdtemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent))
    try:
        yield temporary
        temporary.chmod(0o777 & ~_umask())
        for file in temporary.iterdir():
            file.chmod(0o666 & ~_umask())
            _sync(file)
        _sync(temporary)
        check_output(path, force)
        if path.exists():
            _exchange(temporary, path)
        else:
            temporary.rename(path)
        _sync(path.absolute().parent)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current


def _exchange(one: Path, other: Path) -> None:
    """Swap two folders: in one step where Linux can, so that no moment shows neither of them."""
    if sys.platform == "linux":
        here, swap = -100, 2  # AT_FDCWD, RENAME_EXCHANGE
        rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
        if rename and rename(here, os.fsencode(one), here, os.fsencode(other), swap) == 0:
            return
        if rename and ctypes.get_errno() not in (errno.EINVAL, errno.ENOSYS):
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), str(other))
    aside = one.with_suffix(".old")
    other.rename(aside)
    one.rename(other)
    aside.rename(one)
