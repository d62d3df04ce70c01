"""Encoded images are decoded here, with care, and brought to one shape, whole or a part of each.

The dimensions of an image are looked at before it is decoded, so a small file cannot ask for much memory.
PIL decodes: torchvision is faster, but an altered PNG can crash it and the process with it. Of plain JPEGs it
is jpegs.py that does. A JPEG is decoded at a half, a quarter or an eighth where that is enough.
"""

import io
import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from curate.artifacts.reading import read_bounded
from curate.data.jpegs import jpeg_pixels, jpeg_shape
from curate.errors import CurateError
from curate.world import cores

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
    return 1 if n_bytes < _SMALL_FILE else cores()


def probe(content: bytes, name: str) -> tuple[int, int, int]:
    """Height, width and channels of an encoded image, without decoding it; too many pixels: error."""
    if content.startswith(_PNG) and len(content) >= 26:
        width, height, _, colour = struct.unpack(">IIBB", content[16:26])
        _check_pixels(width, height, name)
        return height, width, _PNG_CHANNELS.get(colour, 3)
    if (known := jpeg_shape(content)) is not None:
        _check_pixels(known[1], known[0], name)
        return known
    with _opened(content, name) as image:
        return image.height, image.width, len(image.getbands()) if image.mode != "P" else 3


@contextmanager
def _opened(content: bytes, name: str) -> Iterator[Any]:
    """An encoded image, opened by PIL and not decoded; what cannot be read, or is too large, is an error."""
    from PIL import Image

    try:
        with Image.open(io.BytesIO(content)) as image:
            _check_pixels(*image.size, name)
            yield image
    except CorruptImageError:
        raise
    except Image.DecompressionBombError:
        raise CorruptImageError(
            f"{name} has more than {Image.MAX_IMAGE_PIXELS or 0:,} pixels: scale it down, "
            "or leave it out with --skip-corrupt"
        ) from None
    except Exception as problem:  # noqa: BLE001  PIL raises many kinds, struct.error and SyntaxError among them
        raise _corrupt(name, problem) from None


def _check_pixels(width: int, height: int, name: str) -> None:
    if width * height > MAX_PIXELS:
        raise CorruptImageError(
            f"{name} is {width:,} x {height:,} pixels, more than {MAX_PIXELS:,}: "
            "scale it down, or leave it out with --skip-corrupt"
        )


def decode(content: bytes | npt.NDArray[np.generic], name: str) -> npt.NDArray[np.generic]:
    """The pixels of one image as stored, `[height, width, channels]`; arrays pass through."""
    if isinstance(content, np.ndarray):
        return content if content.ndim == 3 else content[..., None]
    if content.startswith(_PNG):
        probe(content, name)
    if (pixels := _jpeg(content, name)) is not None:
        return pixels
    with _opened(content, name) as image:
        return _pixels_of(image, name)


def _pixels_of(image: Any, name: str) -> npt.NDArray[np.generic]:
    pixels = _as_array(image)
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
    if (known := jpeg_shape(content)) is not None:
        scale = size / min(known[:2])
        if (found := _jpeg(content, name, (round(known[0] * scale), round(known[1] * scale)))) is not None:
            return bring_to(found, target)
    with _opened(content, name) as image:
        scale = size / min(image.size)
        image.draft(None, (round(image.width * scale), round(image.height * scale)))
        return bring_to(_pixels_of(image, name), target)


def cut_from(
    content: bytes | npt.NDArray[np.generic],
    name: str,
    sides: Sequence[int],
    box: Sequence[int],
    size: tuple[int, int],
    n_channels: int,
) -> Pixels:
    """A part of an image, whose stored sides and whose `box` are height and width, `[h, w, n_channels]`.

    A JPEG is decoded at the smallest scale at which the part has as many pixels as a `size`; the part is then
    cut at whole pixels of that scale.
    """
    pixels = _fine_enough(content, name, box, size)
    high, wide = pixels.shape[0] / sides[0], pixels.shape[1] / sides[1]
    part = [round(box[0] * high), round(box[1] * wide), round(box[2] * high), round(box[3] * wide)]
    return bring_to(cut_out(pixels, part), Target(None, n_channels))


def _fine_enough(
    content: bytes | npt.NDArray[np.generic], name: str, box: Sequence[int], size: tuple[int, int]
) -> npt.NDArray[np.generic]:
    """The pixels of an image, of which a box has as many as a size where the image is stored as fine."""
    if isinstance(content, np.ndarray) or not content.startswith(_JPEG):
        return decode(content, name)
    height, width, _ = probe(content, name)
    needed = -(-height * size[0] // box[2]), -(-width * size[1] // box[3])
    if (pixels := _jpeg(content, name, needed)) is not None:
        return pixels
    with _opened(content, name) as image:
        image.draft(None, needed[::-1])
        return _pixels_of(image, name)


def cut_out(image: npt.NDArray[Any], box: Sequence[int]) -> npt.NDArray[Any]:
    """A part of an image `[h, w, c]`, at top, left, height and width; it has a pixel at least."""
    top, left = min(box[0], image.shape[0] - 1), min(box[1], image.shape[1] - 1)
    return image[top : top + max(1, box[2]), left : left + max(1, box[3])]


def _jpeg(content: bytes, name: str, needed: tuple[int, int] | None = None) -> Pixels | None:
    """A plain JPEG, decoded no finer than is needed; None for what PIL has to look at."""
    if (shape := jpeg_shape(content)) is None:
        return None
    _check_pixels(shape[1], shape[0], name)
    return jpeg_pixels(content, shape, needed)


def _as_image(pixels: Pixels) -> Any:
    """Pixels `[h, w, 1 or 3]` as an image of PIL."""
    from PIL import Image

    return Image.fromarray(np.ascontiguousarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels))


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
        image = _squared(_as_image(image), size)
    return image


def _squared(image: Any, size: int) -> Pixels:
    """The centre square of an image of PIL, scaled to `size` (bilinear, antialiased)."""
    from PIL import Image

    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    square = image.resize((size, size), Image.Resampling.BILINEAR, box=(left, top, left + side, top + side))
    return np.array(square).reshape(size, size, -1)


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
