"""Plain JPEGs, decoded by libjpeg-turbo through simplejpeg: the pixels that PIL gives, sooner.

Plain is grey or YCbCr, and without a single fault. Whatever else there is (CMYK, a marker too many, damage)
is left to PIL, which alone says what can be read. Altered files were tried by the thousand: see its tests.
Where simplejpeg is not installed, PIL decodes all.
"""

from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

_START = b"\xff\xd8\xff"
_SPACES = {"Gray": ("GRAY", 1), "YCbCr": ("RGB", 3)}  # how it is stored: as what it is decoded, channels
_SCALES = (8, 4, 2)


def jpeg_shape(content: bytes) -> tuple[int, int, int] | None:
    """Height, width and channels of a plain JPEG; None for anything else."""
    if not content.startswith(_START) or _library() is None:
        return None
    try:
        height, width, space, _ = _library().decode_jpeg_header(content)
    except ValueError:
        return None
    return (height, width, _SPACES[space][1]) if space in _SPACES else None


def jpeg_pixels(
    content: bytes, shape: tuple[int, int, int], needed: tuple[int, int] | None = None
) -> npt.NDArray[np.uint8] | None:
    """The pixels of a JPEG of this shape, `[h, w, c]`; None where there is anything wrong with it.

    With a `needed` height and width, it is decoded at an eighth, a quarter or a half where that has both.
    """
    height, width, n_channels = shape
    scale = 1
    if needed is not None:
        least = min(height // max(1, needed[0]), width // max(1, needed[1]))
        scale = next((one for one in _SCALES if least >= one), 1)
    space = next(name for name, n in _SPACES.values() if n == n_channels)
    try:
        pixels: npt.NDArray[np.uint8] = _library().decode_jpeg(
            content, space, min_height=-(-height // scale), min_width=-(-width // scale), min_factor=scale
        )
    except ValueError:
        return None
    return pixels


@cache
def _library() -> Any:
    """simplejpeg, where it is installed."""
    try:
        import simplejpeg
    except ImportError:
        return None
    return simplejpeg
