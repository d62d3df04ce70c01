"""Vectors from elsewhere: `.npy`, `.npz`, or the vector column of a Parquet file, and labels beside them."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from curate.artifacts.reading import check_npz, damage_as_one_line, open_parquet, size_of
from curate.artifacts.tables import check_sizes
from curate.data.identity import Labels
from curate.data.source import numbered_classes
from curate.errors import CurateError

_LABELS = ("y", "labels", "label", "targets", "target")
_VECTORS = ("vectors", "embeddings", "embedding", "features")
SUFFIXES = (".npy", ".npz", ".parquet")


@dataclass(frozen=True)
class Foreign:
    """A matrix of one vector per sample, read by rows, and labels `[n]` of any kind where there are some."""

    shape: list[int]
    read: Callable[[int, int], npt.NDArray[Any]]
    labels: npt.NDArray[Any] | None = None


def open_foreign(path: Path) -> Foreign:
    """The vectors in a file, which is looked at, and not read, where it is `.npy`."""
    return {".npy": _npy, ".npz": _npz, ".parquet": _parquet}[path.suffix](path)


def class_labels(values: Any, n: int, called: str | Path) -> tuple[Labels, list[str]]:
    """Labels as numbers, and the names of their classes, from whole numbers or words, `[n]`."""
    array = np.asarray(values)
    flat = array[:, 0] if array.ndim == 2 and array.shape[1] == 1 else array
    if flat.shape != (n,) or flat.dtype.kind not in "iuU":
        raise CurateError(
            f"{called} holds {array.dtype} {list(array.shape)} for {n:,} vectors: give a whole number or a "
            "word for each"
        )
    if flat.dtype.kind == "U":
        names, numbers = np.unique(flat, return_inverse=True)
        return numbers.astype(np.int64), names.tolist()
    labels = flat.astype(np.int64)
    if labels.min(initial=0) < 0:
        raise CurateError(f"{called} has a label {labels.min()}: number classes from 0 on")
    return labels, numbered_classes(int(labels.max(initial=0)), n, str(called))


def read_labels(path: Path, n: int) -> tuple[Labels, list[str]]:
    """The labels in a `.npy` file, or those of a text file with one per line."""
    size_of(path, most=64 * n + 2**20)
    if path.suffix == ".npy":
        with damage_as_one_line(path, ".npy file", "save it anew"):
            return class_labels(np.load(path, allow_pickle=False), n, path)
    with damage_as_one_line(path, "file of labels", "give one label per line, or a .npy"):
        words = path.read_text(encoding="utf-8").split("\n")
    words = words[:-1] if words and not words[-1] else words
    return class_labels(np.array([word.strip() for word in words], np.str_), n, path)


def only_matrix(shapes: dict[str, list[int]], path: Path) -> str:
    """The name of the matrix of vectors among arrays."""
    matrices = [name for name, shape in shapes.items() if len(shape) == 2]
    for name in _VECTORS:
        if name in matrices:
            return name
    if len(matrices) != 1:
        raise CurateError(f"{path} needs one matrix of vectors, it has {', '.join(matrices) or 'none'}")
    return matrices[0]


def _npy(path: Path) -> Foreign:
    size_of(path)
    with damage_as_one_line(path, ".npy file", "save it anew"):
        matrix = np.load(path, mmap_mode="r", allow_pickle=False)
    return of_array(matrix, path)


def _npz(path: Path) -> Foreign:
    with damage_as_one_line(path, ".npz file of plain arrays", "save it anew"):
        check_npz(path)
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: np.asarray(file[name]) for name in file}
    shapes = {name: list(array.shape) for name, array in arrays.items() if name not in _LABELS}
    matrix = arrays[only_matrix(shapes, path)]
    labels = next((arrays[name] for name in _LABELS if name in arrays), None)
    return of_array(matrix, path, labels)


def of_array(matrix: Any, path: Path | str, labels: Any = None) -> Foreign:
    """The vectors in an array."""
    if not isinstance(matrix, np.ndarray) or matrix.dtype.kind not in "fiu":
        kind = getattr(matrix, "dtype", type(matrix).__name__)
        raise CurateError(f"{path} holds {kind}: store vectors as float32")
    return Foreign(list(matrix.shape), lambda start, stop: matrix[start:stop], labels)


def _parquet(path: Path) -> Foreign:
    """The vector column of a Parquet file: the only column of lists of numbers."""
    import pyarrow as pa

    with damage_as_one_line(path, "Parquet file", "copy it anew"):
        file = open_parquet(path)
        check_sizes(file, None, path)
        lists = [field.name for field in file.schema_arrow if _is_vector(field.type)]
        if len(lists) != 1:
            images = any("binary" in str(field.type) for field in file.schema_arrow)
            remedy = f"it has images, so make vectors first: `curate embed {path}`" if images else "keep one"
            names = ", ".join(lists) or "none"
            raise CurateError(f"{path} needs one column of vectors, it has {names}: {remedy}")
        column = file.read(lists).column(0).combine_chunks()
    values = column.flatten().to_numpy(zero_copy_only=False)
    if column.null_count or len(column) == 0 or values.size % len(column):
        raise CurateError(f"{path}: the vectors of column {lists[0]} are missing or differ in length")
    lengths = np.unique(column.value_lengths().to_numpy()) if pa.types.is_list(column.type) else [0]
    if len(lengths) > 1:
        raise CurateError(f"{path}: the vectors of column {lists[0]} differ in length")
    matrix = values.reshape(len(column), -1)
    return Foreign(list(matrix.shape), lambda start, stop: matrix[start:stop])


def _is_vector(kind: Any) -> bool:
    import pyarrow as pa

    nested = pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)
    return bool(nested and pa.types.is_floating(kind.value_type))
