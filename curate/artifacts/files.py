"""Atomic writes: a file or a folder stands whole, or what was there before stands.

A crash, a kill or an error leaves the old state. The new one is written beside it, synced, and renamed.
"""

import ctypes
import difflib
import errno
import glob
import importlib
import os
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from curate.artifacts.kinds import MANIFEST
from curate.errors import CurateError

_LEFT, _MOMENT = re.compile(r"\.[a-z0-9_]{8}\.tmp$"), 5.0  # names of tempfile; seconds
_ENDINGS = (
    *(".parquet", ".safetensors", ".npy", ".npz", ".csv", ".json", ".txt", ".pt", ".pth"),
    *(".html", ".pdf", ".png", ".webp", ".jpg", ".docx", ".toml", ".md"),
)


def beside(path: Path, others: Iterable[str] = ()) -> Path | None:
    """What lies where a path should, under a name like it, whichever part of it was misspelt; else None.

    `others` are names that are meant as well: where one of them is nearer, nothing lies there.
    """
    parts = Path(path).parts
    for place in range(len(parts)):
        above = Path(*parts[:place])
        if (above / parts[place]).exists() or not above.is_dir():
            continue
        there = sorted(one.name for one in above.iterdir())
        close = difflib.get_close_matches(parts[place], [*others, *there], n=1)
        return Path(above, close[0], *parts[place + 1 :]) if close and close[0] in there else None
    return None


def or_beside(path: Path) -> str:
    """The remedy for a path where nothing is, where something like it lies beside it."""
    near = beside(path)
    return "" if near is None else f"; did you mean {near}?"


def as_path(thing: object, kind: str) -> Path:
    """A path from what should be one, or from what lies at one; `kind` is what it should lead to."""
    lies_at = getattr(getattr(thing, "manifest", thing), "path", None)
    if isinstance(thing, str | os.PathLike):
        return Path(thing)
    if isinstance(lies_at, Path):
        return lies_at
    raise CurateError(f"a {type(thing).__name__} is no {kind}: name its file")


def check_ending(path: Path, ending: str) -> None:
    """Refuse a file whose name says that it is of another kind than what is written."""
    if path.suffix in _ENDINGS and path.suffix != ending:
        raise CurateError(f"{path} is written as {ending}: name a file that ends so")


def check_output(path: Path, force: bool) -> None:
    """Refuse an output that exists. Called before the work as well as before the write.

    What is neither a file nor a folder, such as a device, is not replaced in any case.
    """
    if path.name == "-":
        raise CurateError("-o -: name a file; only `export` writes to standard output")
    if path.exists() and not (path.is_file() or path.is_dir()):
        raise CurateError(f"{path} is a device or a pipe and is not replaced: name a file")
    if path.exists() and not force:
        raise CurateError(f"{path} exists: use --force to replace it, or name another output")
    if not path.absolute().parent.is_dir():
        raise CurateError(f"the folder {path.parent} does not exist: make it, or name another output")
    if not os.access(path.absolute().parent, os.W_OK | os.X_OK):
        raise CurateError(f"the folder {path.absolute().parent} cannot be written to: name another output")


def is_there(path: Path, content: bytes, force: bool) -> bool:
    """Whether a file stands already, byte for byte, and need not be written."""
    clear_up(path)
    return path.is_file() and not force and path.read_bytes() == content


@contextmanager
def atomic_file(path: Path, force: bool = False) -> Iterator[Path]:
    """A temporary file beside `path` that takes its place when the block ends well.

    A crash, a kill or an error leaves what was there before. The rename follows an fsync. A link stays one:
    what it leads to is written.
    """
    check_output(path, force)
    path = _behind_link(path)
    clear_up(path)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
    held, temporary = _hold(handle), Path(name)
    try:
        yield temporary
        temporary.chmod(0o666 & ~_umask())
        _sync(temporary)
        if path.is_dir():
            raise CurateError(f"{path} is a folder: give -o a file name")
        _put(temporary, path, force)
        _sync(path.absolute().parent)
    finally:
        temporary.unlink(missing_ok=True)
        os.close(held)


def check_output_folder(path: Path, force: bool = False) -> None:
    """Like `check_output`, for a manifest's folder: nothing else is ever replaced by one."""
    check_output(path, force)
    if path.exists() and not (path / MANIFEST).is_file():
        raise CurateError(f"{path} exists and is not a manifest folder: it is not replaced")


@contextmanager
def atomic_folder(path: Path, force: bool = False) -> Iterator[Path]:
    """A temporary folder beside `path` that takes its place, whole, when the block ends well."""
    check_output_folder(path, force)
    path = _behind_link(path)
    clear_up(path)
    temporary = Path(tempfile.mkdtemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent))
    held = _hold(os.open(temporary, os.O_RDONLY))
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
            try:
                temporary.rename(path)
            except OSError as problem:
                if problem.errno in (errno.ENOTEMPTY, errno.EEXIST):  # another process was faster
                    check_output(path, force)
                raise
        _sync(path.absolute().parent)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        os.close(held)


def _put(temporary: Path, path: Path, force: bool) -> None:
    """Give a file its place; without `force` none that another process has put there is replaced."""
    check_output(path, force)
    if not force:
        try:
            os.link(temporary, path)
        except FileExistsError:
            check_output(path, force)
            raise
        except OSError:  # a file system without links
            pass
        else:
            return
    temporary.replace(path)


def _behind_link(path: Path) -> Path:
    return Path(os.path.realpath(path)) if path.is_symlink() else path


def _hold(descriptor: int) -> int:
    """Lock what is being written, so that others can tell it from what a killed process left."""
    if os.name == "posix":
        with suppress(OSError):
            importlib.import_module("fcntl").flock(descriptor, 6)  # LOCK_EX | LOCK_NB
    return descriptor


def clear_up(path: Path) -> None:
    """Remove what killed processes left of this very output: temporary, unlocked and not of this moment."""
    if os.name != "posix":
        return
    fcntl = importlib.import_module("fcntl")
    for left in path.absolute().parent.glob(f".{glob.escape(path.name)}.*.tmp"):
        with suppress(OSError):
            if not _LEFT.search(left.name) or time.time() - left.lstat().st_mtime < _MOMENT:
                continue
            descriptor = os.open(left, os.O_RDONLY | os.O_NOFOLLOW)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(left) if left.is_dir() else left.unlink()
            finally:
                os.close(descriptor)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _umask() -> int:
    """The umask of this process. Setting it is the only portable way to read it, and no other thread's file
    may be made meanwhile, so on Linux it is read from /proc.
    """
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(int(line.split()[1], 8) for line in lines if line.startswith("Umask:"))
    except (OSError, StopIteration):
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
