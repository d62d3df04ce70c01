"""One pass over the samples of a source: uids, checks, and the pixels themselves where they fit in memory."""

from concurrent.futures import ThreadPoolExecutor

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
    probe,
    workers_for,
)
from curate.data.source import Samples
from curate.errors import CurateError
from curate.progress import Progress

_CHUNK = 256


def read_all(
    samples: Samples, target: Target, skip_corrupt: bool, resident_limit: int, progress: Progress
) -> tuple[npt.NDArray[np.int64], Uids, Images, list[str]]:
    """One pass over all samples: uids, checks, and the pixels themselves where they fit in memory."""
    if samples.array is not None and bring_to(samples.array[0], target).shape == samples.array.shape[1:]:
        uids = np.array([uid_of(b"", image) for image in samples.array], np.uint64)
        return np.arange(samples.n), uids, ResidentImages(samples.array), []
    scan = _Scan(samples, target, skip_corrupt, resident_limit)
    with progress.task("read", samples.n, "images"), ThreadPoolExecutor(scan.workers) as pool:
        for done in pool.map(scan.chunk, range(0, samples.n, _CHUNK)):
            progress.advance(done)
    return scan.finish()


class _Scan:
    """The state of one pass over the samples of a source."""

    def __init__(self, samples: Samples, target: Target, skip_corrupt: bool, limit: int) -> None:
        self.samples, self.target, self.skip_corrupt = samples, target, skip_corrupt
        self.uids = np.zeros(samples.n, np.uint64)
        self.shapes = np.zeros((samples.n, 3), np.int32)
        self.skipped: dict[int, str] = {}
        self.reasons: dict[int, str] = {}
        first = samples.read(0)
        self.workers = workers_for(first)
        self.resident = self._pixels_in_memory(first) <= limit
        self.pixels: list[Pixels | None] = [None] * (samples.n if self.resident else 0)

    def _pixels_in_memory(self, first: bytes | npt.NDArray[np.generic]) -> int:
        try:
            height, width, channels = (
                first.shape if isinstance(first, np.ndarray) else probe(first, self.samples.name(0))
            )
        except CorruptImageError:
            height, width, channels = 256, 256, 3  # it is named, or skipped, when its turn comes
        size = self.target.image_size
        pixels = size * size if size else height * width
        return int(self.samples.n * pixels * (self.target.channels or channels))

    def chunk(self, start: int) -> int:
        stop = min(start + _CHUNK, self.samples.n)
        for row in range(start, stop):
            try:
                self._sample(row)
            except CorruptImageError as problem:
                if not self.skip_corrupt:
                    raise
                self.skipped[row] = self.samples.name(row)
                self.reasons[row] = str(problem)
        return stop - start

    def _sample(self, row: int) -> None:
        content, name = self.samples.read(row), self.samples.name(row)
        lossless = isinstance(content, np.ndarray) or is_lossless(content)
        if not (lossless or self.resident or self.skip_corrupt):
            assert isinstance(content, bytes)
            shape = probe(content, name)
            self.uids[row] = uid_of(content, None)
        else:
            pixels = decode(content, name)
            self.uids[row] = uid_of(content, pixels if lossless else None)
            shape = pixels.shape
            if self.resident:
                brought = bring_to(pixels, self.target)
                self.pixels[row], shape = brought, brought.shape
        self.shapes[row] = self._final_shape(*shape)

    def _final_shape(self, height: int, width: int, channels: int) -> tuple[int, int, int]:
        size = self.target.image_size
        channels = self.target.channels or {2: 1, 4: 3}.get(channels, channels)
        return (size, size, channels) if size else (height, width, channels)

    def finish(self) -> tuple[npt.NDArray[np.int64], Uids, Images, list[str]]:
        rows = np.array([row for row in range(self.samples.n) if row not in self.skipped], np.int64)
        if rows.size == 0:
            raise CurateError(f"none of the {self.samples.n:,} images could be read: {self.reasons[0]}")
        self._check_one_shape(rows)
        shape = tuple(int(side) for side in self.shapes[rows[0]])
        images: Images
        if self.resident:
            array = np.empty((rows.size, *shape), np.uint8)
            for place, row in enumerate(rows):
                array[place] = self.pixels[row]
                self.pixels[row] = None
            images = ResidentImages(array)
        else:
            height, width, channels = shape
            images = EncodedImages(
                self.samples.read, self.samples.name, rows, (height, width, channels), self.target
            )
        return rows, self.uids[rows], images, [self.skipped[row] for row in sorted(self.skipped)]

    def _check_one_shape(self, rows: npt.NDArray[np.int64]) -> None:
        shapes = self.shapes[rows]
        grey = shapes[:, 2] == 1
        if grey.any() and not grey.all():
            odd = rows[np.flatnonzero(grey if grey.sum() <= grey.size / 2 else ~grey)[0]]
            raise CurateError(
                f"{grey.sum():,} images are grey and {(~grey).sum():,} are colour (such as "
                f"{self.samples.name(int(odd))}): use --channels 1 or --channels 3 for all"
            )
        if (shapes != shapes[0]).any():
            small, large = shapes[:, :2].min(axis=0), shapes[:, :2].max(axis=0)
            raise CurateError(
                f"the images differ in size, from {small[1]} x {small[0]} to {large[1]} x {large[0]} "
                "pixels: bring them to one with --image-size 64, or another number of pixels"
            )
