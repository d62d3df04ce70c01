"""The images below a folder, listed in order of their paths with sizes and times, in little memory.

A million files are looked at with one call of the system each; what is kept of each are some 60 bytes.
"""

import os
from array import array
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from curate.artifacts.arrow import texts_of
from curate.data.source import Stamps

SUFFIXES = frozenset(
    (".png", ".jpg", ".jpeg", ".jfif", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".avif", ".ppm", ".pgm")
)
SUFFIXES_ELSEWHERE = frozenset((".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp"))


@dataclass
class Listing:
    """Files in order, their paths below `top` as keys; and where torchvision's ImageFolder counts them.

    `places` are theirs there, −1 where it leaves them out, out of `n_elsewhere`.
    """

    top: str
    keys: list[Any] = field(default_factory=list)  # chunks of Arrow's large_binary
    sizes: array = field(default_factory=lambda: array("q"))  # type: ignore[type-arg]
    modified: array = field(default_factory=lambda: array("q"))  # type: ignore[type-arg]
    changed: array = field(default_factory=lambda: array("q"))  # type: ignore[type-arg]
    places: array = field(default_factory=lambda: array("q"))  # type: ignore[type-arg]
    n_elsewhere: int = 0

    def __len__(self) -> int:
        return len(self.sizes)

    def add(self, folder: str) -> int:
        """Add the images below a folder; returns how many there are."""
        import pyarrow as pa

        start = len(self.top.rstrip(os.sep)) + 1
        walk = _Walk(start)
        walk.into(folder)
        if not walk.files:
            return 0
        walk.files.sort()
        paths, *numbers = zip(*walk.files, strict=True)
        self.keys.append(texts_of(list(map(os.fsencode, paths)), pa.large_binary()))
        for mine, theirs in zip((self.sizes, self.modified, self.changed), numbers, strict=True):
            mine.extend(theirs)
        if walk.is_counted_so:
            self.places.extend(range(self.n_elsewhere, self.n_elsewhere + len(paths)))
            self.n_elsewhere += len(paths)
        else:
            elsewhere = _walked_elsewhere(folder, start)
            counted = {path: place for place, path in enumerate(elsewhere, self.n_elsewhere)}
            self.places.extend(counted.get(path, -1) for path in paths)
            self.n_elsewhere += len(elsewhere)
        return len(paths)

    def skip(self, folder: str) -> None:
        """Count what torchvision finds in a folder that is none of ours."""
        self.n_elsewhere += len(_walked_elsewhere(folder, 0))

    def stamps(self) -> Stamps:
        """The listing as what tells that files are what they were."""
        import pyarrow as pa

        keys = pa.concat_arrays(self.keys) if self.keys else pa.array([], pa.large_binary())
        numbers = (np.frombuffer(one, np.int64) for one in (self.sizes, self.modified, self.changed))
        return Stamps(os.path.realpath(self.top), keys, *numbers)

    def rows(self) -> npt.NDArray[np.int64] | None:
        """The places that torchvision gives the files, int64 `[n]`; None where it counts as they stand."""
        places = np.frombuffer(self.places, np.int64)
        stands = self.n_elsewhere == len(places) and bool((places[1:] > places[:-1]).all())
        return None if stands and (len(places) == 0 or places[0] == 0) else places


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
