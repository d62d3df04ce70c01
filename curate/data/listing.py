"""The images below a folder, listed in order of their paths with sizes and times, in little memory.

A million files are looked at with one call of the system each; what is kept of each are some 50 bytes.
"""

import os
import time
from array import array
from collections.abc import Container, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import numpy.typing as npt

from curate.data.source import Stamps
from curate.processes import forked
from curate.world import cores

_SOON = 0.2  # seconds after which processes are worth their start
SUFFIXES = frozenset(
    (".png", ".jpg", ".jpeg", ".jfif", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".avif", ".ppm", ".pgm")
)
SUFFIXES_ELSEWHERE = frozenset((".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp"))


@dataclass
class Listing:
    """Files in order, their paths below `top` as keys; and where torchvision's ImageFolder counts them.

    `places` are theirs there, −1 where it leaves them out, out of `n_elsewhere`; it is empty as long as they
    stand as they do here. The keys are one text, and where each begins and the last one ends.
    """

    top: str
    keys: bytearray = field(default_factory=bytearray)
    ends: array = field(default_factory=lambda: array("q", [0]))  # type: ignore[type-arg]
    sizes: array = field(default_factory=lambda: array("q"))  # type: ignore[type-arg]
    modified: array = field(default_factory=lambda: array("q"))  # type: ignore[type-arg]
    changed: array = field(default_factory=lambda: array("q"))  # type: ignore[type-arg]
    places: array = field(default_factory=lambda: array("q"))  # type: ignore[type-arg]
    n_elsewhere: int = 0

    def __len__(self) -> int:
        return len(self.sizes)

    def add(self, folders: Sequence[str], not_ours: Container[str] = ()) -> Iterator[int]:
        """Add the images below each folder; gives how many there are in each.

        Of a folder that is `not_ours` it is only counted what torchvision finds there. Where all of it takes
        long, processes share out the folders: the time goes into asking for sizes.
        """
        start, began, done = len(self.top.rstrip(os.sep)) + 1, time.monotonic(), 0
        found_in = partial(_found_in, start, not_ours)
        while done < len(folders) and time.monotonic() - began < _SOON:
            yield self._take(found_in(folders[done]))
            done += 1
        rest = folders[done:]
        with (forked(cores()) if len(rest) > 1 else None) or nullcontext() as pool:
            for found in (map if pool is None else pool.map)(found_in, rest):
                yield self._take(found)

    def _take(self, found: "_Found") -> int:
        """Add what is in a folder; returns how many images there are."""
        n_before, n = len(self), len(found.sizes) // self.sizes.itemsize
        self.keys += found.keys
        self.ends.frombytes((np.frombuffer(found.ends, np.int64) + self.ends[-1]).tobytes())
        self.sizes.frombytes(found.sizes)
        self.modified.frombytes(found.modified)
        self.changed.frombytes(found.changed)
        stood = not self.places and self.n_elsewhere == n_before
        if stood and found.places is not None:
            self.places.extend(range(n_before))
        if found.places is not None:
            self.places.extend(place if place < 0 else self.n_elsewhere + place for place in found.places)
        elif not stood:
            self.places.extend(range(self.n_elsewhere, self.n_elsewhere + n))
        self.n_elsewhere += found.n_elsewhere
        return n

    def stamps(self) -> Stamps:
        """The listing as what tells that files are what they were."""
        import pyarrow as pa

        buffers = [None, pa.py_buffer(self.ends), pa.py_buffer(self.keys)]
        keys = pa.Array.from_buffers(pa.large_binary(), len(self), buffers)
        numbers = (np.frombuffer(one, np.int64) for one in (self.sizes, self.modified, self.changed))
        return Stamps(os.path.realpath(self.top), keys, *numbers)

    def rows(self) -> npt.NDArray[np.int64] | None:
        """The places that torchvision gives the files, int64 `[n]`; None where it counts as they stand."""
        if not self.places and self.n_elsewhere == len(self):
            return None
        places = np.frombuffer(self.places, np.int64)
        return None if np.array_equal(places, np.arange(self.n_elsewhere)) else places


@dataclass(frozen=True)
class _Found:
    """The images below one folder as in a listing, numbers as bytes of int64; no `places` for 0 to n − 1.

    The first key begins at 0, which `ends` leaves out.
    """

    keys: bytes
    ends: bytes
    sizes: bytes
    modified: bytes
    changed: bytes
    places: "array[int] | None"
    n_elsewhere: int


def _found_in(start: int, not_ours: Container[str], folder: str) -> _Found:
    """The images below a folder, by their paths without what is before `start`."""
    walk = _Walk(start)
    if folder in not_ours:
        walk.is_counted_so = False
    else:
        walk.into(folder)
    walk.files.sort()
    paths, *numbers = zip(*walk.files, strict=True) if walk.files else ([], [], [], [])
    places, n_elsewhere = None, len(paths)
    if not walk.is_counted_so:
        elsewhere = _walked_elsewhere(folder, start)
        counted = {path: place for place, path in enumerate(elsewhere)}
        places, n_elsewhere = array("q", (counted.get(path, -1) for path in paths)), len(elsewhere)
    keys = [os.fsencode(path) for path in paths]
    ends = np.cumsum([len(key) for key in keys], dtype=np.int64).tobytes()
    sizes, modified, changed = (array("q", one).tobytes() for one in numbers)
    return _Found(b"".join(keys), ends, sizes, modified, changed, places, n_elsewhere)


class _Walk:
    """The images below one folder, in any order: path without what is before `start`, size, and both times.

    `is_counted_so` is whether torchvision's ImageFolder finds the same files, in order of their paths.
    """

    def __init__(self, start: int) -> None:
        self.start = start
        self.files: list[tuple[str, int, int, int]] = []
        self.is_counted_so = True

    def into(self, folder: str) -> None:
        """Go through a folder and those in it; links to folders are not followed."""
        try:
            entries = os.scandir(folder)
        except OSError:
            return
        above = os.path.join(folder, "")[self.start :]
        for entry in entries:
            name = entry.name
            if entry.is_dir():
                self.is_counted_so = False
                if not entry.is_symlink():
                    self.into(entry.path)
                continue
            suffix = name[name.rfind(".") :].lower()
            is_ours = suffix in SUFFIXES and name[0] != "."
            self.is_counted_so &= is_ours == (suffix in SUFFIXES_ELSEWHERE)
            if is_ours:
                self.files.append((above + name, *_about(entry)))


def _about(entry: "os.DirEntry[str]") -> tuple[int, int, int]:
    """Size and both times of a file; −1 where a link leads nowhere, which is named where it is read."""
    try:
        about = entry.stat()
    except OSError:
        return -1, 0, 0
    return about.st_size, about.st_mtime_ns, about.st_ctime_ns


def _walked_elsewhere(folder: str, start: int) -> list[str]:
    """The files of a class of torchvision's ImageFolder, in its order."""
    return [
        os.path.join(parent, name)[start:]
        for parent, _, names in sorted(os.walk(folder, followlinks=True))
        for name in sorted(names)
        if name.lower().endswith(tuple(SUFFIXES_ELSEWHERE))
    ]
