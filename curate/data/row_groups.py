"""Images in the row groups of Parquet files: read from disk a group at a time, and a few of them kept.

A group is read whole for any image in it, so images that are asked for side by side cost one reading.
"""

import os
import threading
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from curate.artifacts.pages import check_pages
from curate.artifacts.reading import damage_as_one_line, size_of
from curate.data.images import Locality
from curate.errors import CurateError

KEPT_BYTES = 512 * 2**20  # of encoded images, as far as whole groups fit
_SMALL_BYTES, _MOST_TIMES = 256 * 2**20, 200  # what a file may unpack to, and as a multiple of its size
_AT_ONCE = 256  # images that are unpacked at once


@dataclass(frozen=True)
class ImageFile:
    """A Parquet file of images: their column, what pyarrow says of its groups, its size and times."""

    path: Path
    column: str
    metadata: Any
    size: int
    modified: int
    changed: int


class RowGroups:
    """The images of files, one behind another, by row; `called` is what the dataset is called."""

    def __init__(self, files: list[ImageFile], called: str) -> None:
        self._called = called
        groups = [(file, group) for file in files for group in range(file.metadata.num_row_groups)]
        self._groups = groups
        n_rows = [file.metadata.row_group(group).num_rows for file, group in groups]
        self._ends = np.cumsum(n_rows, dtype=np.int64)
        self.n_bytes = np.array([_bytes_of(file, group) for file, group in groups], np.int64)
        self._kept: OrderedDict[int, _Group] = OrderedDict()
        self._kept_bytes = 0
        self._reading, self._looking = threading.Lock(), threading.Lock()

    def __len__(self) -> int:
        return int(self._ends[-1]) if len(self._ends) else 0

    @property
    def group_of_row(self) -> npt.NDArray[np.int32]:
        """The group of each image, `[n]`."""
        n_rows = np.diff(self._ends, prepend=0)
        return np.repeat(np.arange(len(n_rows), dtype=np.int32), n_rows)

    @property
    def locality(self) -> Locality:
        """What is read together."""
        if self.n_bytes.sum() <= KEPT_BYTES:
            return Locality(self.group_of_row, len(self._groups))
        n_kept = KEPT_BYTES // int(self.n_bytes.max())
        return Locality(self.group_of_row, max(1, n_kept // 2))  # a batch may reach into the next groups

    def read(self, row: int) -> bytes:
        """The encoded bytes of an image."""
        group = int(np.searchsorted(self._ends, row, side="right"))
        within = row - (int(self._ends[group - 1]) if group else 0)
        return self._group(group).read(within)

    def _group(self, group: int) -> "_Group":
        """The images of a group, which is read once for all who wait for it."""
        if (kept := self._look(group)) is not None:
            return kept
        with self._reading:
            if (kept := self._look(group)) is not None:
                return kept
            images = _Group(list(self._unpacked(group)))
            with self._looking:
                self._kept[group] = images
                self._kept_bytes += images.n_bytes
                while self._kept_bytes > KEPT_BYTES and len(self._kept) > 2:
                    self._kept_bytes -= self._kept.popitem(last=False)[1].n_bytes
            return images

    def _look(self, group: int) -> "_Group | None":
        with self._looking:
            if group in self._kept:
                self._kept.move_to_end(group)
            return self._kept.get(group)

    def _unpacked(self, group: int) -> Iterator[Any]:
        """A group a few images at a time, each of which is counted.

        A file may hold a value once and repeat it by number; a small file must not fill the memory.
        """
        import pyarrow as pa
        import pyarrow.compute as pc
        import pyarrow.parquet as pq

        file, number = self._groups[group]
        about = os.stat(file.path)
        if (about.st_size, about.st_mtime_ns) != (file.size, file.modified):
            raise CurateError(f"{file.path} has changed since the dataset was opened: open it anew")
        most, unpacked, first = most_unpacked(file.size), 0, int(self._ends[group - 1]) if group else 0
        with damage_as_one_line(file.path, "Parquet file", "copy it anew"):
            check_pages(file.path, file.metadata, [number], [file.column])
            opened = pq.ParquetFile(file.path, metadata=file.metadata)
            for batch in opened.iter_batches(_AT_ONCE, row_groups=[number], columns=[file.column]):
                column = batch.column(0)
                chunk = pc.struct_field(column, "bytes") if pa.types.is_struct(column.type) else column
                if not (pa.types.is_binary(chunk.type) or pa.types.is_large_binary(chunk.type)):
                    raise TypeError(f"its images are {chunk.type}")
                if chunk.null_count:
                    empty = np.flatnonzero(chunk.is_null().to_numpy(zero_copy_only=False))[0]
                    raise CurateError(f"{self._called}: sample {first + empty} has no image")
                unpacked, first = unpacked + chunk.nbytes, first + len(chunk)
                if unpacked > most:
                    raise CurateError(
                        f"{file.path} has {file.size:,} bytes and unpacks to more than {most:,}"
                    )
                yield chunk


class _Group:
    """The encoded images of a row group, in chunks."""

    def __init__(self, chunks: list[Any]) -> None:
        self._chunks = chunks
        self._ends = np.cumsum([len(chunk) for chunk in chunks])
        self.n_bytes = sum(chunk.nbytes for chunk in chunks)

    def read(self, within: int) -> bytes:
        """The bytes of one."""
        at = int(np.searchsorted(self._ends, within, side="right"))
        content: bytes = self._chunks[at][within - (int(self._ends[at - 1]) if at else 0)].as_py()
        return content


def most_unpacked(size: int) -> int:
    """How many bytes a file of `size` bytes may unpack to."""
    return max(_SMALL_BYTES, _MOST_TIMES * size)


def check_unpacked(metadata: Any, path: Path) -> None:
    """Refuse a file that says itself that it unpacks to far more than a file of its size holds."""
    groups = [metadata.row_group(group) for group in range(metadata.num_row_groups)]
    unpacked, size = sum(group.total_byte_size for group in groups), size_of(path)
    if unpacked > most_unpacked(size):
        raise CurateError(f"{path} has {size:,} bytes and unpacks to {unpacked / 2**30:,.1f} GiB: not read")


def _bytes_of(file: ImageFile, group: int) -> int:
    """What the images of a group take, as far as the file says."""
    about = file.metadata.row_group(group)
    for place in range(about.num_columns):
        column = about.column(place)
        if column.path_in_schema == file.column:
            return int(column.total_uncompressed_size)
    return int(about.total_byte_size)
