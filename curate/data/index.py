"""The dataset index: what one pass over a source found, kept so that no later command looks again.

    CACHE/index/SOURCE-SPLIT.parquet       key, size, times, uid and shape of each sample, sealed
    CACHE/index/SOURCE-SPLIT.XXXX.part     what a pass that goes on, or was killed, has found so far

An entry counts while its file has the same size, and was neither written nor replaced since. A file that
changed about when it was looked at could change again within a tick of the clock: it is looked at again. The
index is never needed, only faster: one that is damaged, or of another version, is made anew.
"""

import os
import time
import uuid
from contextlib import suppress
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from curate.artifacts.arrow import array_of, values_of
from curate.artifacts.cache import cache_folder
from curate.data.identity import Uids
from curate.data.kept import GROUP, keep, kept
from curate.data.source import Stamps
from curate.progress import Progress

_TICK_NS, _COARSE_TICK_NS = 20_000_000, 2_000_000_000  # how far clocks of file systems may lag, in ns
_PART_SECONDS = 20.0
_OF_FILES, _OF_IMAGES = ("size", "modified", "changed"), ("uid", "height", "width", "channels", "decoded")


@dataclass(frozen=True)
class Found:
    """What was found of samples, `[n]` each: whether anything, uids, stored shapes, whether they decode.

    `sides` are heights and widths, int32 `[n, 2]`.
    """

    known: npt.NDArray[np.bool_]
    uids: Uids
    sides: npt.NDArray[np.int32]
    channels: npt.NDArray[np.uint8]
    decoded: npt.NDArray[np.bool_]

    @classmethod
    def nothing(cls, n: int) -> "Found":
        """Of none of `n` samples anything."""
        no = np.zeros(n, np.bool_)
        sides, channels = np.zeros((n, 2), np.int32), np.zeros(n, np.uint8)
        return cls(no, np.zeros(n, np.uint64), sides, channels, no.copy())


@dataclass(frozen=True)
class Looked:
    """A pass over `n` samples: where its index is, how many it looked at, their bytes and stored sizes.

    `sizes` are the least and the largest height and width.
    """

    path: Path
    n: int
    n_looked: int
    n_bytes: int
    sizes: tuple[tuple[int, int], tuple[int, int]]


class Index:
    """The index of one source and split; `look_up` first, then `add` what was looked at, then `finish`."""

    def __init__(self, stamps: Stamps, split: str, progress: Progress) -> None:
        self._stamps, self._progress = stamps, progress
        self._source = blake2b(os.fsencode(stamps.place), digest_size=10).hexdigest()
        self.path = cache_folder() / "index" / f"{self._source}-{split}.parquet"
        self._began_ns, self._written = time.time_ns(), time.monotonic()
        self._parts: set[Path] = set()

    def look_up(self) -> Found:
        """What is known of the samples, by their keys, sizes and times; other splits may know as well."""
        own = [*self.path.parent.glob(f"{self.path.stem}.*.part"), self.path]
        self._parts |= set(own[:-1])
        found = Found.nothing(len(self._stamps.keys))
        others = sorted(set(self.path.parent.glob(f"{self._source}-*.parquet")) - {self.path})
        for path in [*own, *others]:
            if found.known.all():
                break
            if file := kept(path, "index", self._progress):
                self._take(file[0], found)
        return found

    @property
    def has_parts(self) -> bool:
        """Whether a pass was killed, or this one is long, so that what is known lies in several files."""
        return bool(self._parts)

    @property
    def is_due(self) -> bool:
        """Whether it is time to `add` what was found meanwhile."""
        return time.monotonic() - self._written > _PART_SECONDS

    def add(self, rows: npt.NDArray[np.int64], found: Found) -> None:
        """Keep what was found of more samples, so that a kill loses little."""
        part = self.path.with_name(f"{self.path.stem}.{uuid.uuid4().hex[:8]}.part")
        self._write(part, rows, found)
        self._parts.add(part)
        self._written = time.monotonic()

    def finish(self, found: Found) -> None:
        """Keep all that is known, as one file."""
        self._write(self.path, np.flatnonzero(found.known), found)
        for part in self._parts:
            with suppress(OSError):
                part.unlink()

    def _take(self, file: Any, found: Found) -> None:
        """Fill in what a file knows of samples of which nothing is known yet, where it can in pieces."""
        if self._has_these(file):
            start = 0
            for group in range(file.num_row_groups):
                table = file.read_row_group(group, [*_OF_FILES, *_OF_IMAGES])
                rows = start + np.flatnonzero(~found.known[start : start + len(table)])
                self._fill(table, found, rows, rows - start)
                start += len(table)
            return
        import pyarrow.compute as pc

        table = file.read()
        places = pc.index_in(self._stamps.keys, value_set=table.column("key").combine_chunks())
        places = pc.fill_null(places, -1).to_numpy()
        rows = np.flatnonzero((places >= 0) & ~found.known)
        self._fill(table, found, rows, places[rows])

    def _has_these(self, file: Any) -> bool:
        """Whether a file is of the very samples, in their order."""
        keys, start = self._stamps.keys, 0
        if file.metadata.num_rows != len(keys):
            return False
        for group in range(file.num_row_groups):
            part = file.read_row_group(group, ["key"]).column(0).combine_chunks()
            if not part.equals(keys.slice(start, len(part))):
                return False
            start += len(part)
        return True

    def _fill(self, table: Any, found: Found, rows: npt.NDArray[np.int64], at: npt.NDArray[np.int64]) -> None:
        """Fill in `rows` from those `at` which they are in a table, where size and times are the same."""
        stamps = self._stamps
        same = np.ones(len(rows), np.bool_)
        for name, now in zip(_OF_FILES, (stamps.sizes, stamps.modified, stamps.changed), strict=True):
            same &= values_of(table.column(name))[at] == now[rows]
        rows, at = rows[same], at[same]
        found.known[rows] = True
        found.uids[rows] = values_of(table.column("uid"))[at]
        found.decoded[rows] = values_of(table.column("decoded"))[at] != 0
        found.channels[rows] = values_of(table.column("channels"))[at]
        for place, name in enumerate(("height", "width")):
            found.sides[rows, place] = values_of(table.column(name))[at]

    def _write(self, path: Path, rows: npt.NDArray[np.int64], found: Found) -> None:
        """Write what is known of some samples."""
        starts = range(0, max(1, rows.size), GROUP)
        parts = (self._table(rows[start : start + GROUP], found) for start in starts)
        keep(path, "index", parts, {"place": self._stamps.place})

    def _table(self, rows: npt.NDArray[np.int64], found: Found) -> Any:
        """What is known of those of some samples that an entry can tell to be what they were."""
        import pyarrow as pa

        stamps = self._stamps
        rows = rows[self._settled(stamps.changed[rows]) & (stamps.sizes[rows] >= 0)]
        columns = {
            "key": stamps.keys.take(array_of(rows)),
            "size": array_of(stamps.sizes[rows]),
            "modified": array_of(stamps.modified[rows]),
            "changed": array_of(stamps.changed[rows]),
            "uid": array_of(found.uids[rows]),
            **{name: array_of(found.sides[rows, place]) for place, name in enumerate(("height", "width"))},
            "channels": array_of(found.channels[rows].astype(np.int32)),
            "decoded": array_of(found.decoded[rows].astype(np.uint8)),
        }
        return pa.table(columns)

    def _settled(self, changed: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        """Whether files changed long enough before they were looked at to tell if they change again."""
        tick = np.where(changed % 1_000_000_000 == 0, _COARSE_TICK_NS, _TICK_NS)
        settled: npt.NDArray[np.bool_] = changed < self._began_ns - tick
        return settled
