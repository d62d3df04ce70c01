"""Arrays as plain JSON values, for states that any trainer can keep: compressed, in text."""

import base64
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from curate.errors import DamagedError

_KINDS = ("b", "i", "u", "f")


def pack(values: npt.NDArray[Any]) -> dict[str, Any]:
    """An array of numbers or of truth values; `unpack` gives it back, bit for bit."""
    data = zlib.compress(np.ascontiguousarray(values).tobytes(), 1)
    return {
        "dtype": values.dtype.str,
        "shape": list(values.shape),
        "zlib": base64.b85encode(data).decode("ascii"),
    }


def unpack(packed: Mapping[str, Any]) -> npt.NDArray[Any]:
    """What `pack` made; DamagedError for anything else."""
    try:
        kind, shape = np.dtype(packed["dtype"]), tuple(int(size) for size in packed["shape"])
        if kind.kind not in _KINDS or min(shape, default=0) < 0:
            raise ValueError(f"{kind} {shape}")
        wanted = kind.itemsize * int(np.prod(shape, dtype=np.int64))
        reader = zlib.decompressobj()
        data = reader.decompress(base64.b85decode(packed["zlib"]), wanted + 1)
        return np.frombuffer(data, kind).reshape(shape).copy()
    except (KeyError, TypeError, ValueError, AttributeError, zlib.error) as problem:
        raise DamagedError(f"the state is damaged ({type(problem).__name__}): use another one") from None
