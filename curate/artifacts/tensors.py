"""Files of tensors in the safetensors layout that are larger than memory: written as they come, and sealed.

Columns `[n]` come first, then one large tensor `[n, ...]`, row by row. Source of the layout: safetensors.
"""

import json
import struct
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from curate.artifacts.files import atomic_file
from curate.artifacts.header import Header, canonical
from curate.artifacts.seal import UNSEALED, seal_file

_KINDS = {"int64": "I64", "uint64": "U64", "float32": "F32", "float16": "F16", "uint8": "U8"}


def write_tensors(
    path: Path,
    header: Header,
    columns: Mapping[str, npt.NDArray[Any]],
    large: tuple[str, str, tuple[int, ...]],
    chunks: Iterable[npt.NDArray[Any]],
    force: bool,
) -> None:
    """Write columns and the `large` tensor (name, type and shape), whose rows come in chunks, atomically."""
    name, kind, shape = large
    sizes = {one: (str(column.dtype), column.shape) for one, column in columns.items()}
    with atomic_file(path, force) as temporary:
        with temporary.open("wb") as file:
            layout = _layout({**sizes, name: (kind, shape)})
            unsealed = canonical(replace(header, sha256=UNSEALED).to_json()).decode()
            text = json.dumps(
                {"__metadata__": {"curate": unsealed}, **layout}, separators=(",", ":")
            ).encode()
            text += b" " * (-len(text) % 8)
            file.write(struct.pack("<Q", len(text)) + text)
            for column in columns.values():
                file.write(np.ascontiguousarray(column).data)
            n = 0
            for chunk in chunks:
                file.write(np.ascontiguousarray(chunk, kind).data)
                n += len(chunk)
        assert n == shape[0], f"{n} rows for {shape[0]} samples"
        seal_file(temporary)


def _layout(sizes: Mapping[str, tuple[str, tuple[int, ...]]]) -> dict[str, Any]:
    """The description of each tensor: type, shape and place."""
    layout, place = {}, 0
    for name, (kind, shape) in sizes.items():
        end = place + int(np.prod(shape, dtype=object)) * np.dtype(kind).itemsize
        layout[name] = {"dtype": _KINDS[kind], "shape": [*shape], "data_offsets": [place, end]}
        place = end
    return layout
