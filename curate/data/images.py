"""Images of one shape: held in memory, mapped from a file, or decoded when they are asked for."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from curate.data.decoding import Pixels, Target, brought, cut_from, cut_out
from curate.errors import CurateError
from curate.world import cores


@dataclass(frozen=True)
class Locality:
    """Which images are read together: the group of each, int32 `[n]`, and how many groups are kept."""

    groups: npt.NDArray[np.int32]
    n_at_once: int

    def of(self, rows: npt.NDArray[np.int64]) -> "Locality":
        """That of some of the images; of none where a row is −1."""
        return Locality(np.where(rows < 0, np.int32(-1), self.groups[np.maximum(rows, 0)]), self.n_at_once)

    @property
    def changes_order(self) -> bool:
        """Whether there are more groups than are kept, so that images have to be read in turn."""
        return int(self.groups.max(initial=-1)) >= self.n_at_once

    def blocks(self, order: npt.NDArray[np.int64], chance: np.random.Generator) -> npt.NDArray[np.int64]:
        """An order in which images are read, changed so that no group is read twice.

        Groups are taken at random, so many at once as are kept; the images of these come in the given order,
        before those of the next.
        """
        n_groups = int(self.groups.max(initial=-1)) + 1
        block = np.empty(n_groups + 1, np.int64)
        block[chance.permutation(n_groups)] = np.arange(n_groups) // self.n_at_once
        block[-1] = 0
        return order[np.argsort(block[self.groups[order]], kind="stable")]


Sides = npt.NDArray[np.int32]

_FEW = 8  # images that a thread takes at a time


class Images(Protocol):
    """Images of one shape, read by row; `locality` says which are read together, where not each alone.

    They may be stored larger, and in other sides than one another.
    """

    shape: tuple[int, int, int]
    locality: Locality | None

    def __len__(self) -> int: ...

    def read(self, rows: npt.NDArray[np.integer[Any]]) -> Pixels:
        """The images at `rows`, uint8 `[len(rows), height, width, channels]`."""

    def sides(self, rows: npt.NDArray[np.integer[Any]]) -> Sides:
        """Height and width of the images at `rows` as they are stored, int32 `[len(rows), 2]`."""

    def part(self, row: int, box: Sequence[int], size: tuple[int, int]) -> Pixels:
        """A part of the image at `row`, uint8 `[h, w, channels]`, decoded no finer than a `size` needs.

        `box` is top, left, height and width in the image as it is stored.
        """


class ResidentImages:
    """All images in memory, uint8 `[n, height, width, channels]`; those at `missing` there are not.

    With `later` they come into memory when they are first asked for. `stored` are the same images as they are
    stored, where that is in other sizes.
    """

    def __init__(
        self,
        array: Pixels | None,
        missing: npt.NDArray[np.bool_] | None = None,
        stored: Images | None = None,
    ) -> None:
        self._array, self.missing, self.stored = array, missing, stored
        self.is_apart = False  # from what is stored, in another process
        self.locality: Locality | None = None
        self._n, self.shape = (0, (0, 0, 0)) if array is None else (len(array), array.shape[1:])
        self._load: Callable[[], Pixels] | None = None
        self._loading = threading.Lock()

    @classmethod
    def later(
        cls,
        load: Callable[[], Pixels],
        n: int,
        shape: tuple[int, int, int],
        missing: npt.NDArray[np.bool_] | None = None,
        stored: Images | None = None,
    ) -> "ResidentImages":
        """`n` images of a shape, which `load` returns as one array."""
        images = cls(None, missing, stored)
        images._n, images.shape, images._load = n, shape, load
        return images

    @property
    def array(self) -> Pixels:
        """All images, as one array."""
        with self._loading:
            if self._array is None:
                assert self._load is not None, "there is an array, or a way to one"
                self._array, self._load = self._load(), None
            return self._array

    @property
    def is_loaded(self) -> bool:
        """Whether they are in memory by now."""
        return self._array is not None

    def __len__(self) -> int:
        return self._n

    def __getstate__(self) -> dict[str, Any]:
        return {"array": self.array, "missing": self.missing, "is_apart": self.stored is not None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["array"], state["missing"])  # type: ignore[misc]
        self.is_apart = state["is_apart"]

    def read(self, rows: npt.NDArray[np.integer[Any]]) -> Pixels:
        """A copy of the images at `rows`."""
        assert self.missing is None or not self.missing[rows].any(), "an image that is missing is not read"
        return self.array[rows]

    def sides(self, rows: npt.NDArray[np.integer[Any]]) -> Sides:
        """Those in memory, which are of one shape."""
        return np.tile(np.array(self.shape[:2], np.int32), (len(rows), 1))

    def part(self, row: int, box: Sequence[int], size: tuple[int, int]) -> Pixels:
        """A part of an image in memory."""
        return cut_out(self.array[row], box)


class EncodedImages:
    """Images decoded at every read, in parallel; only encoded bytes, or none, are in memory."""

    def __init__(
        self,
        read_content: Callable[[int], bytes | npt.NDArray[np.generic]],
        name: Callable[[int], str],
        rows: npt.NDArray[np.int64],
        shape: tuple[int, int, int],
        target: Target,
        sides: Sides,
        locality: Locality | None = None,
    ) -> None:
        self._read_content, self._name, self._rows = read_content, name, rows
        self._sides, self.locality = sides, locality
        self._target = Target(target.image_size, shape[2])
        self.shape = shape
        self._pool = ThreadPoolExecutor(cores())

    def __len__(self) -> int:
        return len(self._rows)

    def read(self, rows: npt.NDArray[np.integer[Any]]) -> Pixels:
        """The images at `rows`, decoded now."""
        room, own = np.empty((len(rows), *self.shape), np.uint8), self._rows[rows].tolist()

        def one(place: int) -> None:
            room[place] = self._one(own[place])

        in_turns(self._pool, one, len(own))
        return room

    def sides(self, rows: npt.NDArray[np.integer[Any]]) -> Sides:
        """Those that a pass over the images found."""
        return self._sides[rows]

    def part(self, row: int, box: Sequence[int], size: tuple[int, int]) -> Pixels:
        """A part of the image at `row`, decoded now."""
        own, sides = int(self._rows[row]), self._sides[row].tolist()
        return cut_from(self._read_content(own), self._name(own), sides, box, size, self.shape[2])

    def _one(self, row: int) -> Pixels:
        name = self._name(row)
        pixels = brought(self._read_content(row), name, self._target)
        if pixels.shape != self.shape:
            raise CurateError(f"{name} has changed since the dataset was opened: open it anew")
        return pixels


def in_turns(pool: ThreadPoolExecutor, one: Callable[[int], None], n: int) -> None:
    """`one(place)` for so many places, by threads that take a few at a time."""

    def some(start: int) -> None:
        for place in range(start, min(start + _FEW, n)):
            one(place)

    for _ in pool.map(some, range(0, n, _FEW)):
        pass


class MappedImages:
    """Images in a file that is mapped into memory, uint8 `[n, height, width, channels]`."""

    locality: Locality | None = None

    def __init__(self, array: Pixels) -> None:
        self._array = array
        self.shape: tuple[int, int, int] = array.shape[1:]

    def __len__(self) -> int:
        return len(self._array)

    def read(self, rows: npt.NDArray[np.integer[Any]]) -> Pixels:
        """A copy of the images at `rows`."""
        return np.array(self._array[rows])

    def sides(self, rows: npt.NDArray[np.integer[Any]]) -> Sides:
        """Those of all images."""
        return np.tile(np.array(self.shape[:2], np.int32), (len(rows), 1))

    def part(self, row: int, box: Sequence[int], size: tuple[int, int]) -> Pixels:
        """A part of an image."""
        return cut_out(self._array[row], box)


class ImageView:
    """Some rows of other images, in another order; there is no image where the row is −1."""

    def __init__(self, images: Images, rows: npt.NDArray[np.int64]) -> None:
        self._images, self._rows = images, rows
        self.shape = images.shape
        self.locality = None if images.locality is None else images.locality.of(rows)

    def __len__(self) -> int:
        return len(self._rows)

    def read(self, rows: npt.NDArray[np.integer[Any]]) -> Pixels:
        """The images at `rows` of this view."""
        places = self._rows[rows]
        assert (places >= 0).all(), "an image that is missing is not read"
        return self._images.read(places)

    def sides(self, rows: npt.NDArray[np.integer[Any]]) -> Sides:
        """Those of the images at `rows` of this view."""
        return self._images.sides(self._rows[rows])

    def part(self, row: int, box: Sequence[int], size: tuple[int, int]) -> Pixels:
        """A part of an image of this view."""
        return self._images.part(int(self._rows[row]), box, size)


def view(images: Images, rows: npt.NDArray[np.int64]) -> Images:
    """The images at `rows`, none where that is −1: a copy in memory where they are resident, else a view."""
    if isinstance(images, ResidentImages):
        missing = rows < 0
        if images.missing is not None:
            missing = missing | images.missing[rows]

        def load() -> Pixels:
            array = images.array[np.maximum(rows, 0)]
            array[missing] = 0
            return array

        there = missing if missing.any() else None
        stored = None if images.stored is None else ImageView(images.stored, rows)
        if images.is_loaded:
            return ResidentImages(load(), there, stored)
        return ResidentImages.later(load, len(rows), images.shape, there, stored)
    return ImageView(images, rows)


def as_stored(images: Images) -> Images:
    """The images from which parts are cut: as they are stored, where these are of one square by now."""
    if not isinstance(images, ResidentImages):
        return images
    if images.is_apart:
        raise CurateError("parts are cut out of the files, which other processes do not read: use --jobs 1")
    return images if images.stored is None else images.stored
