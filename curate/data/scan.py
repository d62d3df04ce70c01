"""A pass over the samples of a source: uids, checks, and the pixels themselves where they fit in memory.

What the images have in common is not known before all were looked at. Where they differ, and the user has not
said what to make of it, they are brought to one shape: colour where any is colour, and squares of one size.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import numpy.typing as npt

from curate.data.decoding import (
    MOST_BYTES,
    CorruptImageError,
    Pixels,
    Target,
    bring_to,
    brought,
    decode,
    is_lossless,
    is_whole,
    probe,
    workers_for,
)
from curate.data.identity import Uids, of_rows, uid_of
from curate.data.images import EncodedImages, Images, MappedImages, ResidentImages, Sides
from curate.data.index import Found, Index, Looked
from curate.data.source import Samples
from curate.errors import CurateError
from curate.progress import Progress

_CHUNK = 256
_FEW_CORRUPT = 0.05  # of the images: so many are left out, and named, where the user says nothing of them
_SIZES = (64, 32, 16)  # that images of several sizes are brought to: the largest that half of them have


@dataclass(frozen=True)
class Reading:
    """What a pass found: the rows that are left, int64 `[m]`, their uids and images, and who was skipped.

    `target` is what the images were brought to, and `notes` say what of it the user had not asked for.
    `looked` says what of it was not in an index, where there is one.
    """

    rows: npt.NDArray[np.int64]
    uids: Uids
    images: Images
    skipped: list[str]
    target: Target
    notes: list[str]
    looked: Looked | None = None


def too_many_corrupt(n_corrupt: int, n: int, skip_corrupt: bool | None) -> bool:
    """Whether `n_corrupt` of `n` images that cannot be read are a reason to stop.

    All may be left out with `skip_corrupt`, none where it is False, a few where it was not said.
    """
    allowed = _FEW_CORRUPT * n if skip_corrupt is None else n * skip_corrupt
    return n_corrupt > allowed


def read_all(
    samples: Samples,
    target: Target,
    skip_corrupt: bool | None,
    resident_limit: int,
    progress: Progress,
    decodes: bool = True,
    verify: bool = False,
) -> Reading:
    """Look at all samples; what is not readable is refused, all of it in one message, or skipped.

    A few are skipped where `skip_corrupt` is None. To skip for certain is to decode; without
    `decodes` a lossy image that has both its ends is readable. What the index of the source knows is not
    looked at again, but to `verify` the index.
    """
    if samples.uids is not None:
        return _given(samples, samples.uids, target, resident_limit)
    if samples.array is not None and bring_to(samples.array[0], target).shape == samples.array.shape[1:]:
        uids = np.array([uid_of(b"", image) for image in samples.array], np.uint64)
        return Reading(np.arange(samples.n), uids, ResidentImages(samples.array), [], target, [])
    index = None if samples.stamps is None else Index(samples.stamps, samples.split, progress)
    found = Found.nothing(samples.n) if index is None else index.look_up()
    known = replace(found, known=found.known.copy(), uids=found.uids.copy()) if verify else found
    if verify:
        found.known[:] = False
    scan = _Scan(samples, target, skip_corrupt, resident_limit, decodes, found, index)
    scan.look(progress)
    reading = scan.reading(progress)
    if verify and index is not None:
        return replace(reading, notes=[*reading.notes, _verified(samples, known, found)])
    return reading


def _given(samples: Samples, uids: Uids, target: Target, resident_limit: int) -> Reading:
    """Images whose uids are known, and which are arrays of one shape: none is looked at."""
    assert samples.array is not None, "a source that gives uids has an array"
    rows, array = np.arange(samples.n), samples.array
    height, width, channels = array.shape[1:]
    shape = _brought((height, width, channels), target)
    images: Images
    if shape != array.shape[1:]:
        sides = np.tile(np.array([height, width], np.int32), (samples.n, 1))
        images = EncodedImages(samples.read, samples.name, rows, shape, target, sides)
    elif array.nbytes <= resident_limit:
        images = ResidentImages.later(partial(np.array, array), samples.n, shape)
    else:
        images = MappedImages(array)
    return Reading(rows, uids, images, [], target, [])


def _verified(samples: Samples, known: Found, found: Found) -> str:
    """What is said of an index that was held to the content of all files."""
    if not known.known.any():
        return "there was no index of these samples: it is new"
    both = known.known & found.known
    wrong = np.flatnonzero(both & (known.uids != found.uids))
    if not wrong.size:
        return f"the index is right: the content of all {int(both.sum()):,} samples it knows is what it was"
    return (
        f"the index was wrong about {wrong.size:,} of {int(both.sum()):,} samples, such as "
        f"{samples.name(int(wrong[0]))}, which changed and kept its size and times; it is right now"
    )


class _Scan:
    """The state of one pass over the samples of a source."""

    def __init__(
        self,
        samples: Samples,
        target: Target,
        skip_corrupt: bool | None,
        limit: int,
        decodes: bool,
        found: Found,
        index: Index | None,
    ) -> None:
        self.samples, self.target, self.skip_corrupt, self.limit = samples, target, skip_corrupt, limit
        self.found, self.index = found, index
        self.n_looked = 0
        self.uids, self.sides, self.channels = found.uids, found.sides, found.channels  # without alpha
        self.reasons: dict[int, str] = {}  # why a sample cannot be read
        shape, self.workers = self._first()
        self.decodes, self.makes_sure = decodes, bool(skip_corrupt) and decodes
        self.expected: tuple[int, int, int] | None = None  # the shape of all so far, brought to the target
        self.holds = self._fits(target, shape)
        if len(known := np.flatnonzero(found.known)):
            settled, _ = self._settled(known)
            self.holds = self._fits(settled, _brought(shape, settled))
        self.is_whole_pass = not found.known.any()  # pixels are kept of all, or they come when asked for
        self.pixels: list[Pixels | None] = [None] * (samples.n if self.holds and self.is_whole_pass else 0)

    def _first(self) -> tuple[tuple[int, int, int], int]:
        """The shape of the first image, and how many threads decode such images best."""
        if self.found.known[0] and self.samples.stamps is not None:
            return self._shape(0), workers_for(int(self.samples.stamps.n_bytes[0]))
        try:
            first = self.samples.read(0)
            shape = first.shape if isinstance(first, np.ndarray) else probe(first, self.samples.name(0))
        except CorruptImageError:
            return (256, 256, 3), workers_for(MOST_BYTES)  # it is named, or skipped, when its turn comes
        return _without_alpha(*shape), workers_for(0 if isinstance(first, np.ndarray) else len(first))

    def look(self, progress: Progress) -> None:
        """The pass: in memory it keeps pixels as long as all have one shape.

        Where it is found that images have to be skipped, a second one makes sure that they are all.
        """
        self._pass(progress)
        if self.reasons and self.skip_corrupt is None and self.decodes and not self.holds:
            self.makes_sure = True
            self._pass(progress)

    def _pass(self, progress: Progress) -> None:
        """Look at all samples of which too little is known."""
        needs_pixels = self.holds or self.makes_sure
        rows = np.flatnonzero(~(self.found.known & self.found.decoded if needs_pixels else self.found.known))
        self.n_looked = max(self.n_looked, rows.size)
        chunks = [rows[start : start + _CHUNK] for start in range(0, rows.size, _CHUNK)]
        n_kept = 0
        if not chunks:
            return
        with progress.task("read", rows.size, "images"), ThreadPoolExecutor(self.workers) as pool:
            for done, chunk in enumerate(pool.map(self._chunk, chunks), 1):
                progress.advance(len(chunk))
                if self.index is not None and self.index.is_due:
                    part = rows[n_kept : done * _CHUNK]
                    self.index.add(part[self.found.known[part]], self.found)
                    n_kept = done * _CHUNK

    def reading(self, progress: Progress) -> Reading:
        """What the pass found; images of several shapes are decoded again, now that the target is known."""
        rows = self._rows()
        target, notes = self._settled(rows)
        shape = _brought(self._shape(rows[0]), target)
        kept = self.holds and self.is_whole_pass
        holds = kept or self._fits(target, shape)
        later = holds and not self.is_whole_pass and bool(self.found.decoded[rows].all())
        if holds and not (kept or later):
            self._decode(rows, target, progress)
            rows = self._rows()
        if self.index is not None and (self.n_looked or self.index.has_parts):
            self.index.finish(self.found)
        sides = of_rows(self.sides, rows)
        where = None if self.samples.locality is None else self.samples.locality.of(rows)
        images: Images = EncodedImages(
            self.samples.read, self.samples.name, rows, shape, target, sides, where
        )
        if holds:
            stored = images if (sides != shape[:2]).any() else None
            if later:
                load = partial(self._loaded, rows, target, shape, progress)
                images = ResidentImages.later(load, rows.size, shape, stored=stored)
            else:
                images = ResidentImages(self._stacked(rows, shape), stored=stored)
        elif where is not None and where.changes_order:
            notes.append(
                f"images are read by row group, {where.n_at_once:,} at once: in training, samples come "
                "in random order within so many groups, which are drawn at random"
            )
        skipped = [self.samples.name(row) for row in sorted(self.reasons)]
        uids, looked = of_rows(self.uids, rows), self._looked(rows, sides)
        return Reading(rows, uids, images, skipped, target, notes, looked)

    def _looked(self, rows: npt.NDArray[np.int64], sides: Sides) -> Looked | None:
        if self.index is None or self.samples.stamps is None:
            return None
        (low, wide), (high, widest) = sides.min(axis=0).tolist(), sides.max(axis=0).tolist()
        n_bytes = int(of_rows(self.samples.stamps.n_bytes, rows).sum())
        return Looked(self.index.path, self.samples.n, self.n_looked, n_bytes, ((low, wide), (high, widest)))

    def _loaded(
        self, rows: npt.NDArray[np.int64], target: Target, shape: tuple[int, int, int], progress: Progress
    ) -> Pixels:
        """The pixels of images that an index knows, decoded now that they are asked for."""
        self._decode(rows, target, progress)
        if wrong := [row for row in rows.tolist() if row in self.reasons]:
            raise CorruptImageError(self.reasons[wrong[0]])
        return self._stacked(rows, shape)

    def _stacked(self, rows: npt.NDArray[np.int64], shape: tuple[int, int, int]) -> Pixels:
        """The pixels that were kept, as one array; each is let go as it is copied."""
        array = np.empty((rows.size, *shape), np.uint8)
        for place, row in enumerate(rows):
            pixels, self.pixels[row] = self.pixels[row], None
            if pixels is None or pixels.shape != shape:
                raise CurateError(
                    f"{self.samples.name(row)} has changed since the dataset was opened: open it anew"
                )
            array[place] = pixels
        return array

    def _fits(self, target: Target, shape: tuple[int, int, int]) -> bool:
        return self.samples.n * int(np.prod(_brought(shape, target))) <= self.limit

    def _shape(self, row: int) -> tuple[int, int, int]:
        height, width = self.sides[row].tolist()
        return height, width, int(self.channels[row])

    def _note_shape(self, row: int, height: int, width: int, channels: int) -> None:
        height, width, channels = _without_alpha(height, width, channels)
        self.sides[row], self.channels[row] = (height, width), channels

    def _chunk(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        for row in rows.tolist():
            try:
                self.found.decoded[row] = self._sample(row)
                self.found.known[row] = True
            except CorruptImageError as problem:
                self.found.known[row] = False
                self.reasons[row] = str(problem)
        return rows

    def _sample(self, row: int) -> bool:
        """Look at a sample; whether it was decoded."""
        content, name = self.samples.read(row), self.samples.name(row)
        if isinstance(content, bytes) and not is_lossless(content):
            self.uids[row] = uid_of(content, None)
            self._note_shape(row, *probe(content, name))
            if not (self.holds or self.makes_sure) and is_whole(content):
                return False
            image: Pixels | None = brought(content, name, self.target)
        else:
            pixels = decode(content, name)
            self.uids[row] = uid_of(content if isinstance(content, bytes) else b"", pixels)
            self._note_shape(row, *pixels.shape)
            image = bring_to(pixels, self.target) if self.pixels else None
        shape = _brought(self._shape(row), self.target)
        self.expected = self.expected or shape
        if self.expected != shape:
            self.holds, self.pixels = False, []
        elif kept := self.pixels:  # another thread may find that they are not kept
            kept[row] = image
        return True

    def _decode(self, rows: npt.NDArray[np.int64], target: Target, progress: Progress) -> None:
        """The pixels of all rows, brought to a target."""
        self.pixels = [None] * self.samples.n

        def one(row: int) -> None:
            try:
                self.pixels[row] = brought(self.samples.read(row), self.samples.name(row), target)
                self.found.decoded[row] = True
            except CorruptImageError as problem:
                self.found.known[row] = False
                self.reasons[row] = str(problem)

        with progress.task("resize", rows.size, "images"), ThreadPoolExecutor(self.workers) as pool:
            for _ in pool.map(one, rows.tolist()):
                progress.advance(1)

    def _rows(self) -> npt.NDArray[np.int64]:
        """The rows that can be read; the others are refused where they are not to be skipped."""
        rows = np.arange(self.samples.n)
        rows = np.delete(rows, sorted(self.reasons)) if self.reasons else rows
        if rows.size == 0:
            reason = self.reasons[min(self.reasons)]
            raise CurateError(f"none of the {self.samples.n:,} images could be read: {reason}")
        if too_many_corrupt(len(self.reasons), self.samples.n, self.skip_corrupt):
            wrong = sorted(self.reasons)
            if len(wrong) == 1:
                raise CorruptImageError(self.reasons[wrong[0]])
            names = ", ".join(self.samples.name(row) for row in wrong[:3])
            raise CorruptImageError(
                f"{len(wrong):,} of {self.samples.n:,} images cannot be read, such as {names}: mend them, or "
                f"leave them out with --skip-corrupt ({self.reasons[wrong[0]]})"
            )
        return rows

    def _settled(self, rows: npt.NDArray[np.int64]) -> tuple[Target, list[str]]:
        """What the images are brought to: what the user said, and one channel count and size in any case."""
        target, notes = self.target, []
        are_grey, sides = of_rows(self.channels, rows) == 1, of_rows(self.sides, rows)
        grey = int(are_grey.sum())
        if target.channels is None and 0 < grey < len(rows):
            target = replace(target, channels=3)
            few = np.flatnonzero(are_grey == (2 * grey <= len(rows)))[0]
            notes.append(
                f"{grey:,} of {len(rows):,} images are grey, the others colour (such as "
                f"{self.samples.name(int(rows[few]))}): all are read as colour; --channels 1 makes all grey"
            )
        if target.image_size is None and (sides != sides[0]).any():
            median = np.median(sides.min(axis=1))
            size = next((size for size in _SIZES if median >= size), _SIZES[-1])
            target = replace(target, image_size=size)
            small, large = sides.min(axis=0), sides.max(axis=0)
            notes.append(
                f"the images differ in size, from {small[1]} x {small[0]} to {large[1]} x {large[0]} pixels: "
                f"all are brought to {size} x {size}; --image-size takes another number"
            )
        return target, notes


def _without_alpha(height: int, width: int, channels: int) -> tuple[int, int, int]:
    return height, width, {2: 1, 4: 3}.get(channels, channels)


def _brought(shape: tuple[int, int, int], target: Target) -> tuple[int, int, int]:
    """The shape of an image that is brought to a target."""
    height, width, channels = shape
    size = target.image_size
    return size or height, size or width, target.channels or channels
