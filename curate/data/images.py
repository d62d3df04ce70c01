"""Images: decoded with care, brought to one shape, held in memory or decoded when needed.

The dimensions of an image are looked at before it is decoded, so a small file cannot ask for much
memory. PIL decodes: torchvision is faster, but an altered PNG can crash it and the process with it.
"""

import io
import math
import os
import struct
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from curate.artifacts.reading import read_bounded
from curate.errors import CurateError

MAX_PIXELS = 100_000_000
MOST_BYTES = 512 * 2**20  # of an encoded image
_PNG = b"\x89PNG\r\n\x1a\n"
_JPEG = b"\xff\xd8\xff"
_PNG_CHANNELS = {0: 1, 2: 3, 3: 3, 4: 2, 6: 4}
_TAIL = 65_536  # bytes in which the end of a JPEG is looked for: cameras write behind it
_SMALL_FILE = 8_192  # bytes; below, threads wait for each other more than they decode

Pixels = npt.NDArray[np.uint8]


class CorruptImageError(CurateError):
    """An image that cannot be decoded, or is too large to be decoded safely."""


@dataclass(frozen=True)
class Target:
    """The shape every image is brought to: a square of `image_size` pixels (None: as it is), `channels`."""

    image_size: int | None = None
    channels: int | None = None


@dataclass(frozen=True)
class Locality:
    """Which images are read together: the group of each, int32 `[n]`, and how many groups are kept."""

    groups: npt.NDArray[np.int32]
    n_at_once: int

    def of(self, rows: npt.NDArray[np.int64]) -> "Locality":
        """That of some of the images; of none where a row is −1."""
        return Locality(np.where(rows < 0, np.int32(-1), self.groups[np.maximum(rows, 0)]), self.n_at_once)

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

    def cut(self, rows: npt.NDArray[np.integer[Any]], boxes: Sides, size: tuple[int, int]) -> Pixels:
        """Parts of the images at `rows`, each brought to a size: uint8 `[len(rows), *size, channels]`.

        `boxes` int32 `[len(rows), 4]` are top, left, height and width in an image as it is stored.
        """


class ResidentImages:
    """All images in memory, uint8 `[n, height, width, channels]`; those at `missing` there are not.

    With `later` they come into memory when they are first asked for.
    """

    def __init__(self, array: Pixels | None, missing: npt.NDArray[np.bool_] | None = None) -> None:
        self._array, self.missing = array, missing
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
    ) -> "ResidentImages":
        """`n` images of a shape, which `load` returns as one array."""
        images = cls(None, missing)
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
        return {"array": self.array, "missing": self.missing}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(**state)  # type: ignore[misc]

    def read(self, rows: npt.NDArray[np.integer[Any]]) -> Pixels:
        """A copy of the images at `rows`."""
        assert self.missing is None or not self.missing[rows].any(), "an image that is missing is not read"
        return self.array[rows]

    def sides(self, rows: npt.NDArray[np.integer[Any]]) -> Sides:
        """Those in memory, which are of one shape."""
        return np.tile(np.array(self.shape[:2], np.int32), (len(rows), 1))

    def cut(self, rows: npt.NDArray[np.integer[Any]], boxes: Sides, size: tuple[int, int]) -> Pixels:
        """Parts of the images in memory, each brought to a size."""
        parts = [cut_out(self.array[row], box, size) for row, box in zip(rows, boxes.tolist(), strict=True)]
        return np.stack(parts) if parts else np.empty((0, *size, self.shape[2]), np.uint8)


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
        self._pool = ThreadPoolExecutor(os.cpu_count() or 1)

    def __len__(self) -> int:
        return len(self._rows)

    def read(self, rows: npt.NDArray[np.integer[Any]]) -> Pixels:
        """The images at `rows`, decoded now."""
        decoded = self._pool.map(self._one, self._rows[rows])
        return np.stack(list(decoded)) if len(rows) else np.empty((0, *self.shape), np.uint8)

    def sides(self, rows: npt.NDArray[np.integer[Any]]) -> Sides:
        """Those that a pass over the images found."""
        return self._sides[rows]

    def cut(self, rows: npt.NDArray[np.integer[Any]], boxes: Sides, size: tuple[int, int]) -> Pixels:
        """Parts of the images at `rows`, decoded now, no finer than is needed."""
        parts = self._pool.map(partial(self._part, size), rows.tolist(), boxes.tolist())
        return np.stack(list(parts)) if len(rows) else np.empty((0, *size, self.shape[2]), np.uint8)

    def _part(self, size: tuple[int, int], place: int, box: list[int]) -> Pixels:
        row = int(self._rows[place])
        sides = self._sides[place].tolist()
        return cut_from(self._read_content(row), self._name(row), sides, box, size, self.shape[2])

    def _one(self, row: int) -> Pixels:
        name = self._name(row)
        pixels = brought(self._read_content(row), name, self._target)
        if pixels.shape != self.shape:
            raise CurateError(f"{name} has changed since the dataset was opened: open it anew")
        return pixels


class MappedImages:
    """Images in a file that is mapped into memory, uint8 `[n, height, width, channels]`."""

    locality: Locality | None = None

    def __init__(self, array: Pixels) -> None:
        self._array = array
        self.shape: tuple[int, int, int] = array.shape[1:]
        self._pool = ThreadPoolExecutor(os.cpu_count() or 1)

    def __len__(self) -> int:
        return len(self._array)

    def read(self, rows: npt.NDArray[np.integer[Any]]) -> Pixels:
        """A copy of the images at `rows`."""
        return np.array(self._array[rows])

    def sides(self, rows: npt.NDArray[np.integer[Any]]) -> Sides:
        """Those of all images."""
        return np.tile(np.array(self.shape[:2], np.int32), (len(rows), 1))

    def cut(self, rows: npt.NDArray[np.integer[Any]], boxes: Sides, size: tuple[int, int]) -> Pixels:
        """Parts of the images, each brought to a size."""
        parts = self._pool.map(partial(self._part, size), rows.tolist(), boxes.tolist())
        return np.stack(list(parts)) if len(rows) else np.empty((0, *size, self.shape[2]), np.uint8)

    def _part(self, size: tuple[int, int], row: int, box: list[int]) -> Pixels:
        return cut_out(self._array[row], box, size)


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

    def cut(self, rows: npt.NDArray[np.integer[Any]], boxes: Sides, size: tuple[int, int]) -> Pixels:
        """Parts of the images at `rows` of this view."""
        return self._images.cut(self._rows[rows], boxes, size)


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
        if images.is_loaded:
            return ResidentImages(load(), there)
        return ResidentImages.later(load, len(rows), images.shape, there)
    return ImageView(images, rows)


def read_image(path: str) -> bytes:
    """The encoded bytes of a file; what is none, cannot be read, or is too large counts as corrupt."""
    try:
        return read_bounded(path, MOST_BYTES)
    except (CurateError, OSError) as problem:
        reason = f"{path}: {problem.strerror}" if isinstance(problem, OSError) else str(problem)
        raise CorruptImageError(f"{reason}, or leave it out with --skip-corrupt") from None


def is_lossless(content: bytes) -> bool:
    """Whether decoded pixels, and not encoded bytes, are what an image is known by."""
    webp = content[:4] == b"RIFF" and content[8:12] == b"WEBP"
    avif = content[4:12] in (b"ftypavif", b"ftypavis", b"ftypheic")
    return not (content.startswith(_JPEG) or webp or avif)


def is_whole(content: bytes) -> bool:
    """Whether encoded bytes seem to have their end; a JPEG that was cut off has none."""
    return not content.startswith(_JPEG) or content.rfind(b"\xff\xd9", -_TAIL) >= 0


def workers_for(n_bytes: int) -> int:
    """How many threads decode images of so many encoded bytes fastest: one where they are tiny, or none."""
    return 1 if n_bytes < _SMALL_FILE else os.cpu_count() or 1


def probe(content: bytes, name: str) -> tuple[int, int, int]:
    """Height, width and channels of an encoded image, without decoding it; too many pixels: error."""
    if content.startswith(_PNG) and len(content) >= 26:
        width, height, _, colour = struct.unpack(">IIBB", content[16:26])
        channels = _PNG_CHANNELS.get(colour, 3)
    else:
        from PIL import Image

        try:
            with Image.open(io.BytesIO(content)) as image:
                width, height = image.size
                channels = len(image.getbands()) if image.mode != "P" else 3
        except Image.DecompressionBombError:
            raise CorruptImageError(
                f"{name} has more than {Image.MAX_IMAGE_PIXELS or 0:,} pixels: scale it down, "
                "or leave it out with --skip-corrupt"
            ) from None
        except Exception as problem:  # noqa: BLE001  PIL raises many kinds, struct.error and SyntaxError among them
            raise _corrupt(name, problem) from None
    if width * height > MAX_PIXELS:
        raise CorruptImageError(
            f"{name} is {width:,} x {height:,} pixels, more than {MAX_PIXELS:,}: "
            "scale it down, or leave it out with --skip-corrupt"
        )
    return height, width, channels


def decode(content: bytes | npt.NDArray[np.generic], name: str) -> npt.NDArray[np.generic]:
    """The pixels of one image as stored, `[height, width, channels]`; arrays pass through."""
    if isinstance(content, np.ndarray):
        return content if content.ndim == 3 else content[..., None]
    probe(content, name)
    from PIL import Image

    try:
        with Image.open(io.BytesIO(content)) as image:
            pixels = _as_array(image)
    except Exception as problem:  # noqa: BLE001  a decoder may raise anything on hostile bytes
        raise _corrupt(name, problem) from None
    if pixels is None:
        raise CorruptImageError(
            f"{name} holds numbers beyond 16 bits, which are no image here: store it with 8 or 16 bits, "
            "or leave it out with --skip-corrupt"
        )
    return pixels if pixels.ndim == 3 else pixels[..., None]


def brought(content: bytes | npt.NDArray[np.generic], name: str, target: Target) -> Pixels:
    """An image brought to a target; a JPEG that is far larger is decoded at a half, a quarter or an eighth.

    Its shorter side is then no shorter than that of the target. Source: the scaled inverse DCT of libjpeg.
    """
    size = target.image_size
    if size is None or isinstance(content, np.ndarray) or not content.startswith(_JPEG):
        return bring_to(decode(content, name), target)
    height, width, _ = probe(content, name)
    scale = size / min(height, width)
    return bring_to(_decoded_at(content, name, (round(height * scale), round(width * scale))), target)


def cut_from(
    content: bytes | npt.NDArray[np.generic],
    name: str,
    sides: Sequence[int],
    box: Sequence[int],
    size: tuple[int, int],
    n_channels: int,
) -> Pixels:
    """A part of an image, whose stored sides and whose `box` are height and width, brought to a size."""
    if isinstance(content, np.ndarray) or not content.startswith(_JPEG):
        pixels = decode(content, name)
    else:
        height, width, _ = probe(content, name)
        needed = -(-height * size[0] // box[2]), -(-width * size[1] // box[3])
        pixels = _decoded_at(content, name, needed)
    scale = pixels.shape[0] / sides[0], pixels.shape[1] / sides[1]
    part = [box[0] * scale[0], box[1] * scale[1], box[2] * scale[0], box[3] * scale[1]]
    return cut_out(bring_to(pixels, Target(None, n_channels)), part, size)


def cut_out(image: Pixels, box: Sequence[float], size: tuple[int, int]) -> Pixels:
    """A part of an image `[h, w, c]`, at top, left, height and width, scaled to a size (bilinear)."""
    from PIL import Image

    top, left, height, width = box
    bottom, right = min(top + height, image.shape[0]), min(left + width, image.shape[1])
    up, at = int(top), int(left)
    own = np.ascontiguousarray(
        image[up : math.ceil(bottom), at : math.ceil(right)]
    )  # no pixel beyond it counts
    source = Image.fromarray(own[..., 0] if image.shape[2] == 1 else own)
    within = (left - at, top - up, right - at, bottom - up)
    part = source.resize(size[::-1], Image.Resampling.BILINEAR, box=within)
    return np.array(part).reshape(*size, image.shape[2])


def _decoded_at(content: bytes, name: str, needed: tuple[int, int]) -> npt.NDArray[np.generic]:
    """A JPEG decoded at the smallest scale at which it has the height and width needed."""
    from PIL import Image

    try:
        with Image.open(io.BytesIO(content)) as image:
            image.draft(None, needed[::-1])
            pixels = _as_array(image)
    except Exception as problem:  # noqa: BLE001  a decoder may raise anything on hostile bytes
        raise _corrupt(name, problem) from None
    assert pixels is not None, "a JPEG has 8 bits"
    return pixels if pixels.ndim == 3 else pixels[..., None]


def bring_to(pixels: npt.NDArray[np.generic], target: Target) -> Pixels:
    """uint8 `[height, width, 1 or 3]`: alpha dropped, 16 bits cut to 8, resized and centre-cropped."""
    if pixels.dtype == np.uint16:
        pixels = (pixels // 257).astype(np.uint8)
    image = pixels.astype(np.uint8, copy=False)
    if image.shape[2] in (2, 4):
        image = image[..., :-1]
    if target.channels == 3 and image.shape[2] == 1:
        image = np.repeat(image, 3, axis=2)
    elif target.channels == 1 and image.shape[2] == 3:
        weights = np.array([299, 587, 114], np.uint32)  # ITU-R 601 luma, as PIL and OpenCV use
        image = ((image @ weights + 500) // 1000).astype(np.uint8)[..., None]
    size = target.image_size
    if size is not None and image.shape[:2] != (size, size):
        image = _resize_and_crop(image, size)
    return image


def _resize_and_crop(image: Pixels, size: int) -> Pixels:
    """The centre square, scaled to `size` (bilinear, antialiased)."""
    from PIL import Image

    height, width = image.shape[:2]
    side = min(height, width)
    left, top = (width - side) // 2, (height - side) // 2
    source = Image.fromarray(image[..., 0] if image.shape[2] == 1 else image)
    square = source.resize((size, size), Image.Resampling.BILINEAR, box=(left, top, left + side, top + side))
    return np.array(square).reshape(size, size, image.shape[2])


def _as_array(image: Any) -> npt.NDArray[np.generic] | None:
    """A PIL image as uint8 or uint16; palettes become colours. None for numbers of more than 16 bits."""
    if image.mode in ("L", "LA", "RGB", "RGBA"):
        width, height = image.size
        return np.frombuffer(image.tobytes(), np.uint8).reshape(height, width, -1)
    if image.mode == "1":
        return np.array(image.convert("L"))
    if image.mode.startswith("I"):
        numbers = np.array(image if image.mode == "I;16" else image.convert("I"))
        fits = numbers.min(initial=0) >= 0 and numbers.max(initial=0) < 2**16
        return numbers.astype(np.uint16) if fits else None
    if image.mode == "F":
        return None
    return np.array(image.convert("RGB"))  # palette, CMYK, YCbCr and their kin


def _corrupt(name: str, problem: Exception) -> CorruptImageError:
    # The decoders' own words hold memory addresses and paths of their build machines.
    reason = "truncated or damaged" if "truncat" in str(problem).lower() else "not an image, or damaged"
    return CorruptImageError(
        f"{name} is not a readable image ({reason}): mend it, or leave it out with --skip-corrupt"
    )
