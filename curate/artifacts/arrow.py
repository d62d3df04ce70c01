"""Arrow's arrays made of numpy's, and read as them, by their buffers.

Arrow's own ways import pandas wherever it is installed, which takes longer than most commands do. They are
left for what is no plain number: truths, words, and what may be missing.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt


def values_of(column: Any) -> npt.NDArray[Any]:
    """A column or an array of Arrow as an array of numpy; of numbers, it may share their memory."""
    import pyarrow as pa

    kind = column.type
    if column.null_count or not (pa.types.is_integer(kind) or pa.types.is_floating(kind)):
        return np.asarray(column.to_numpy(zero_copy_only=False))
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    own = np.dtype(kind.to_pandas_dtype())
    if len(array) == 0:
        return np.empty(0, own)
    return np.frombuffer(array.buffers()[1], own, len(array), array.offset * own.itemsize)


def array_of(values: npt.NDArray[Any]) -> Any:
    """An array of Arrow; of numbers, it shares their memory."""
    import pyarrow as pa

    if values.ndim != 1 or values.dtype.kind not in "iuf" or not values.dtype.isnative:
        return pa.array(values)
    buffer = pa.py_buffer(np.ascontiguousarray(values))
    return pa.Array.from_buffers(pa.from_numpy_dtype(values.dtype), len(values), [None, buffer])


def column_of(values: Sequence[Any], kind: Any) -> Any:
    """Values as an array of Arrow: numbers and truths, which may be None, texts, or lists of these."""
    import pyarrow as pa

    if pa.types.is_list(kind):
        ends = np.cumsum([0, *map(len, values)], dtype=np.int32)
        inner = column_of([value for own in values for value in own], kind.value_type)
        return pa.Array.from_buffers(kind, len(values), [None, pa.py_buffer(ends)], children=[inner])
    if not pa.types.is_primitive(kind):
        return texts_of([value if isinstance(value, bytes) else value.encode() for value in values], kind)
    missing = np.array([value is None for value in values], np.bool_)
    numbers = np.array([0 if value is None else value for value in values], kind.to_pandas_dtype())
    data = _bits(numbers) if pa.types.is_boolean(kind) else numbers
    there = pa.py_buffer(_bits(~missing)) if missing.any() else None
    return pa.Array.from_buffers(kind, len(values), [there, pa.py_buffer(data)])


def _bits(truths: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint8]:
    return np.packbits(truths, bitorder="little")


def read_table(path: Path, columns: list[str] | None = None, words: Sequence[str] = ()) -> Any:
    """A Parquet file of our own, or some columns, as a table; columns of `words` as dictionaries of them.

    The reader of single files: that of pyarrow.parquet.read_table is made for whole folders of them, and
    imports as much.
    """
    import pyarrow.parquet as pq

    with pq.ParquetFile(path, read_dictionary=list(words)) as file:
        return file.read(columns)


def texts_of(texts: Sequence[bytes], kind: Any) -> Any:
    """Texts as an array of Arrow's `string`, `large_binary` or their kin."""
    import pyarrow as pa

    wide = kind in (pa.large_binary(), pa.large_string())
    ends = np.cumsum([0, *map(len, texts)], dtype=np.int64)
    if not wide and ends[-1] >= 2**31:
        raise ValueError(f"{ends[-1]:,} bytes of text")
    buffers = [None, pa.py_buffer(ends if wide else ends.astype(np.int32)), pa.py_buffer(b"".join(texts))]
    return pa.Array.from_buffers(kind, len(texts), buffers)
