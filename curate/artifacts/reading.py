"""Reading what others wrote: only regular files, of a size looked at first, and every damage one line.

A device or a FIFO would be read for ever, and a reader of a format raises what it likes on altered bytes.
"""

import math
import os
import stat
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from curate.artifacts.pages import check_pages
from curate.errors import CurateError, DamagedError

_LONGEST_REASON = 120
_SMALL_BYTES, _MOST_TIMES = 256 * 2**20, 200  # what arrays may unpack to, and as a multiple of their file


def size_of(path: str | Path, most: int | None = None) -> int:
    """How many bytes a file has; an error where it is none (a device, a FIFO, a folder), or has too many."""
    try:
        about = os.stat(path)
    except OSError as problem:
        raise CurateError(f"{path} cannot be read: {problem.strerror}") from None
    if not stat.S_ISREG(about.st_mode):
        raise CurateError(f"{path} is no regular file: name a file")
    if most is not None and about.st_size > most:
        raise DamagedError(f"{path} has {about.st_size:,} bytes, more than {most:,}: it is not read")
    return about.st_size


def read_bounded(path: str | Path, most: int) -> bytes:
    """The bytes of a regular file that has no more than `most`."""
    size_of(path, most)
    with open(path, "rb", buffering=0) as file:  # a buffer would make room for `most`
        content = file.readall()
    if len(content) > most:
        raise DamagedError(f"{path} has more than {most:,} bytes: it is not read")
    return content


@contextmanager
def damage_as_one_line(called: str | Path, what: str, remedy: str) -> Iterator[None]:
    """Whatever is raised in the block because of the bytes of a file is a DamagedError that says so."""
    try:
        yield
    except CurateError:
        raise
    except Exception as problem:  # noqa: BLE001  a reader raises what it likes
        reason = " ".join(str(problem).split())[:_LONGEST_REASON] or type(problem).__name__
        raise DamagedError(f"{called} is not a readable {what} ({reason}): {remedy}") from None


def open_parquet(path: str | Path, pages: bool = True, **how: Any) -> Any:
    """A regular Parquet file, opened by pyarrow; no two of its columns share a name.

    Its `pages` are looked at, none of which may unpack to far more than it takes, unless the caller does that
    for the part that it reads.
    """
    import pyarrow.parquet as pq

    size_of(path)
    file = pq.ParquetFile(path, **how)
    if pages:
        check_pages(path, file.metadata)
    names = file.schema_arrow.names
    if len(set(names)) < len(names):
        twice = next(name for place, name in enumerate(names) if name in names[:place])
        raise DamagedError(f"{path} has two columns called {twice[:_LONGEST_REASON]!r}: it is not read")
    return file


def check_npz(path: str | Path) -> None:
    """Refuse a `.npz` that unpacks to far more than a file of its size holds, or of which an array lies.

    BadZipFile, ValueError or KeyError for what is no file of arrays.
    """
    size = size_of(path)
    with zipfile.ZipFile(path) as archive:
        unpacked = sum(member.file_size for member in archive.infolist())
        if unpacked > max(_SMALL_BYTES, _MOST_TIMES * size):
            raise CurateError(
                f"{path} has {size:,} bytes and unpacks to {unpacked / 2**30:,.1f} GiB: it is not read"
            )
        for member in archive.infolist():
            if not member.filename.endswith(".npy"):
                continue
            shape, kind = array_in(archive, member)
            if kind.hasobject or math.prod(shape) * kind.itemsize > member.file_size:
                raise ValueError(f"{member.filename} is no plain array of its size")


def array_in(archive: zipfile.ZipFile, name: str | zipfile.ZipInfo) -> tuple[tuple[int, ...], Any]:
    """Shape and type of an array in a `.npz`, from its header alone; ValueError or KeyError for none."""
    from numpy.lib import format as npy

    read = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
    with archive.open(name) as file:
        shape, _, kind = read[npy.read_magic(file)](file)
    return shape, kind
