"""Vectors from elsewhere: `.npy`, `.npz`, or the vector column of a Parquet file, and labels beside them."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from curate.artifacts.pages import check_pages
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
    return {".npy": _npy, ".npz": _npz, ".parquet": _parquet}.get(path.suffix, _safetensors)(path)


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


def of_safetensors(file: Any, path: Path) -> Foreign:
    """The only matrix in an opened file, read by rows."""
    names = file.keys()  # it is no dict
    name = only_matrix({key: file.get_slice(key).get_shape() for key in names}, path)
    matrix = file.get_slice(name)
    if not matrix.get_dtype().startswith(("F", "I", "U")):
        raise CurateError(f"{path}: {name} is {matrix.get_dtype()}: store vectors as float32")
    return Foreign(matrix.get_shape(), lambda start, stop: matrix[start:stop])


def _safetensors(path: Path) -> Foreign:
    from safetensors import safe_open

    size_of(path)
    with damage_as_one_line(path, "safetensors file", "copy it anew"):
        file = safe_open(path, framework="numpy")
        if "curate" in (file.metadata() or {}):
            raise CurateError(f"{path} is an embedding of curate's, and no shard: name it alone")
        return of_safetensors(file, path)


def _parquet(path: Path) -> Foreign:
    """The vector column of a Parquet file: the only column of lists of numbers."""
    with damage_as_one_line(path, "Parquet file", "copy it anew"):
        file = open_parquet(path, pages=False)
        check_sizes(file, None, path)
        lists = [field.name for field in file.schema_arrow if _is_vector(field.type)]
        if len(lists) != 1:
            images = any("binary" in str(field.type) for field in file.schema_arrow)
            remedy = f"it has images, so make vectors first: `curate embed {path}`" if images else "keep one"
            names = ", ".join(lists) or "none"
            raise CurateError(f"{path} needs one column of vectors, it has {names}: {remedy}")
        return RowGroupVectors(file, lists[0], path).foreign()


class RowGroupVectors:
    """The vectors in a column of a Parquet file, read by row group; the last group that was read is kept."""

    def __init__(self, file: Any, column: str, path: Path) -> None:
        self._file, self._column, self._path = file, column, path
        n_rows = [file.metadata.row_group(group).num_rows for group in range(file.num_row_groups)]
        self._ends = np.cumsum(n_rows, dtype=np.int64)
        self._kept: tuple[int, npt.NDArray[Any]] | None = None
        self._dim: int | None = None

    def foreign(self) -> Foreign:
        """All of them; the first group tells how long a vector is."""
        n = int(self._ends[-1]) if len(self._ends) else 0
        self._dim = self._group(0).shape[1] if n else 0
        return Foreign([n, self._dim], self.read)

    def read(self, start: int, stop: int) -> npt.NDArray[Any]:
        """Rows `start` to `stop`."""
        first = int(np.searchsorted(self._ends, start, side="right"))
        parts = []
        for group in range(first, len(self._ends)):
            begin = int(self._ends[group - 1]) if group else 0
            if begin >= stop:
                break
            parts.append(self._group(group)[max(0, start - begin) : stop - begin])
        return np.concatenate(parts) if len(parts) != 1 else parts[0]

    def _group(self, group: int) -> npt.NDArray[Any]:
        import pyarrow as pa

        if self._kept is None or self._kept[0] != group:
            with damage_as_one_line(self._path, "Parquet file", "copy it anew"):
                check_pages(self._path, self._file.metadata, [group])
                column = self._file.read_row_group(group, [self._column]).column(0).combine_chunks()
            called = f"{self._path}: the vectors of column {self._column}"
            values = column.flatten().to_numpy(zero_copy_only=False)
            if column.null_count or values.size % max(1, len(column)):
                raise CurateError(f"{called} are missing or differ in length")
            is_list = pa.types.is_list(column.type) or pa.types.is_large_list(column.type)
            lengths = np.unique(column.value_lengths().to_numpy()) if is_list else [0]
            matrix = values.reshape(len(column), -1)
            if len(lengths) > 1 or self._dim not in (None, matrix.shape[1]):
                raise CurateError(f"{called} differ in length")
            self._kept = group, matrix
        return self._kept[1]


def _is_vector(kind: Any) -> bool:
    import pyarrow as pa

    nested = pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)
    return bool(nested and pa.types.is_floating(kind.value_type))
