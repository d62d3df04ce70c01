"""A pass over the samples of a source: uids, checks, and the pixels themselves where they fit in memory.

What the images have in common is not known before all were looked at. Where they differ, and the user has not
said what to make of it, they are brought to one shape: colour where any is colour, and squares of one size.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from curate.data.identity import Uids, uid_of
from curate.data.images import (
    CorruptImageError,
    EncodedImages,
    Images,
    Pixels,
    ResidentImages,
    Target,
    bring_to,
    decode,
    is_lossless,
    is_whole,
    probe,
    workers_for,
)
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
    """

    rows: npt.NDArray[np.int64]
    uids: Uids
    images: Images
    skipped: list[str]
    target: Target
    notes: list[str]


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
) -> Reading:
    """Look at all samples; what is not readable is refused, all of it in one message, or skipped.

    A few are skipped where `skip_corrupt` is None. To skip for certain is to decode; without
    `decodes` a lossy image that has both its ends is readable.
    """
    if samples.array is not None and bring_to(samples.array[0], target).shape == samples.array.shape[1:]:
        uids = np.array([uid_of(b"", image) for image in samples.array], np.uint64)
        return Reading(np.arange(samples.n), uids, ResidentImages(samples.array), [], target, [])
    scan = _Scan(samples, target, skip_corrupt, resident_limit, decodes)
    scan.look(progress)
    return scan.reading(progress)


class _Scan:
    """The state of one pass over the samples of a source."""

    def __init__(
        self, samples: Samples, target: Target, skip_corrupt: bool | None, limit: int, decodes: bool
    ) -> None:
        self.samples, self.target, self.skip_corrupt, self.limit = samples, target, skip_corrupt, limit
        self.uids = np.zeros(samples.n, np.uint64)
        self.shapes = np.zeros((samples.n, 3), np.int32)  # as stored, without alpha
        self.reasons: dict[int, str] = {}  # why a sample cannot be read
        first = samples.read(0)
        self.workers = workers_for(first)
        try:
            shape = first.shape if isinstance(first, np.ndarray) else probe(first, samples.name(0))
        except CorruptImageError:
            shape = (256, 256, 3)  # it is named, or skipped, when its turn comes
        self.decodes, self.makes_sure = decodes, bool(skip_corrupt) and decodes
        self.expected: tuple[int, int, int] | None = None  # the shape of all so far, brought to the target
        self.holds = self._fits(target, _without_alpha(*shape))
        self.pixels: list[Pixels | None] = [None] * (samples.n if self.holds else 0)

    def look(self, progress: Progress) -> None:
        """The pass: in memory it keeps pixels as long as all have one shape.

        Where it is found that images have to be skipped, a second one makes sure that they are all.
        """
        self._pass(progress)
        if self.reasons and self.skip_corrupt is None and self.decodes and not self.holds:
            self.makes_sure = True
            self._pass(progress)

    def _pass(self, progress: Progress) -> None:
        with progress.task("read", self.samples.n, "images"), ThreadPoolExecutor(self.workers) as pool:
            for done in pool.map(self._chunk, range(0, self.samples.n, _CHUNK)):
                progress.advance(done)

    def reading(self, progress: Progress) -> Reading:
        """What the pass found; images of several shapes are decoded again, now that the target is known."""
        rows = self._rows()
        target, notes = self._settled(rows)
        shape = _brought(self._shape(rows[0]), target)
        holds = self.holds or self._fits(target, shape)
        if holds and not self.holds:
            self._decode(rows, target, progress)
            rows = self._rows()
        images: Images
        if holds:
            array = np.empty((rows.size, *shape), np.uint8)
            for place, row in enumerate(rows):
                array[place] = self.pixels[row]
                self.pixels[row] = None
            images = ResidentImages(array)
        else:
            images = EncodedImages(self.samples.read, self.samples.name, rows, shape, target)
        skipped = [self.samples.name(row) for row in sorted(self.reasons)]
        return Reading(rows, self.uids[rows], images, skipped, target, notes)

    def _fits(self, target: Target, shape: tuple[int, int, int]) -> bool:
        return self.samples.n * int(np.prod(_brought(shape, target))) <= self.limit

    def _shape(self, row: int) -> tuple[int, int, int]:
        height, width, channels = map(int, self.shapes[row])
        return height, width, channels

    def _chunk(self, start: int) -> int:
        stop = min(start + _CHUNK, self.samples.n)
        for row in range(start, stop):
            try:
                self._sample(row)
            except CorruptImageError as problem:
                self.reasons[row] = str(problem)
        return stop - start

    def _sample(self, row: int) -> None:
        content, name = self.samples.read(row), self.samples.name(row)
        needs_pixels = self.holds or self.makes_sure
        if isinstance(content, bytes) and not (needs_pixels or is_lossless(content)) and is_whole(content):
            self.uids[row] = uid_of(content, None)
            self.shapes[row] = _without_alpha(*probe(content, name))
            return
        pixels = decode(content, name)
        lossless = isinstance(content, np.ndarray) or is_lossless(content)
        self.uids[row] = uid_of(content, pixels if lossless else None)
        self.shapes[row] = shape = _without_alpha(*pixels.shape)
        brought = _brought(shape, self.target)
        self.expected = self.expected or brought
        if self.expected != brought:
            self.holds, self.pixels = False, []
        elif kept := self.pixels:  # another thread may find that they are not kept
            kept[row] = bring_to(pixels, self.target)

    def _decode(self, rows: npt.NDArray[np.int64], target: Target, progress: Progress) -> None:
        """The pixels of all rows, brought to a target."""
        self.pixels = [None] * self.samples.n

        def one(row: int) -> None:
            try:
                self.pixels[row] = bring_to(decode(self.samples.read(row), self.samples.name(row)), target)
            except CorruptImageError as problem:
                self.reasons[row] = str(problem)

        with progress.task("resize", rows.size, "images"), ThreadPoolExecutor(self.workers) as pool:
            for _ in pool.map(one, rows.tolist()):
                progress.advance(1)

    def _rows(self) -> npt.NDArray[np.int64]:
        """The rows that can be read; the others are refused where they are not to be skipped."""
        rows = np.array([row for row in range(self.samples.n) if row not in self.reasons], np.int64)
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
        shapes = self.shapes[rows]
        grey = int((shapes[:, 2] == 1).sum())
        if target.channels is None and 0 < grey < len(shapes):
            target = replace(target, channels=3)
            few = np.flatnonzero((shapes[:, 2] == 1) == (2 * grey <= len(shapes)))[0]
            notes.append(
                f"{grey:,} of {len(shapes):,} images are grey, the others colour (such as "
                f"{self.samples.name(int(rows[few]))}): all are read as colour; --channels 1 makes all grey"
            )
        if target.image_size is None and (shapes[:, :2] != shapes[0, :2]).any():
            sides = shapes[:, :2].min(axis=1)
            size = next((size for size in _SIZES if np.median(sides) >= size), _SIZES[-1])
            target = replace(target, image_size=size)
            small, large = shapes[:, :2].min(axis=0), shapes[:, :2].max(axis=0)
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
