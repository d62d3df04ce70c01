"""The Embedding noun: one vector of float32 or float16 per sample, row i is sample i, in a safetensors file.

Beside `vectors [n, d]` the file holds `uid [n]`, `row [n]` and, where known, `label [n]`, so clustering and
selection need not open the dataset again. Files are written and read in chunks and may be larger than
memory. An embedding may lie in several such files, and in files from elsewhere: see `opening`.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from curate.artifacts.header import Header, read_header
from curate.artifacts.reading import damage_as_one_line, size_of
from curate.artifacts.seal import check_seal
from curate.artifacts.tables import check_samples
from curate.artifacts.tensors import write_tensors
from curate.data.dataset import Dataset
from curate.data.identity import Indices, Labels, Uids
from curate.errors import CurateError, DamagedError

Vectors = npt.NDArray[np.float32]
Precision = Literal["float32", "float16"]
PRECISIONS: tuple[Precision, ...] = ("float32", "float16")

_KINDS = ("F32", "F16")  # how a vector may be stored
_COLUMNS = {"label", "row", "uid"}
_LARGEST = 1e15
_CHUNK_BYTES = 64 * 2**20


@dataclass(frozen=True)
class Embedding:
    """Vectors by index, with the uids, labels and places in the source of their samples, where known."""

    path: Path
    header: Header
    n: int
    dim: int
    uids: Uids
    labels: Labels | None
    rows: Indices | None
    _read: Callable[[int, int], npt.NDArray[Any]]

    def __len__(self) -> int:
        return self.n

    def __repr__(self) -> str:
        return f"<Embedding {self.path}: {self.n:,} vectors of {self.dim:,} numbers>"

    def read(self, start: int, stop: int) -> Vectors:
        """Rows `start` to `stop`, float32 `[stop − start, dim]`; a value that is no number is an error."""
        with damage_as_one_line(self.path, "file of vectors", "make it again"):
            rows = np.ascontiguousarray(self._read(start, stop), dtype=np.float32)
        check_finite(rows, start, str(self.path))
        return rows

    def chunks(self) -> Iterator[tuple[int, int]]:
        """Start and stop of consecutive chunks of about 64 MiB."""
        return row_chunks(self.n, self.dim * 4)


@dataclass(frozen=True)
class Part:
    """What one file of ours holds: its header, the columns of its samples, and its vectors, read by row."""

    header: Header
    columns: dict[str, npt.NDArray[Any]]
    dim: int
    read: Callable[[int, int], npt.NDArray[Any]]

    def __len__(self) -> int:
        return len(self.columns["uid"])


def write_part(
    path: Path,
    header: Header,
    chunks: Iterable[Vectors],
    dim: int,
    dataset: Dataset,
    *,
    dtype: Precision = "float32",
    force: bool = False,
) -> None:
    """Write vectors of a dataset as they come, each chunk float32 `[rows, dim]`, in sample order."""
    uids, labels = dataset.uids, dataset.labels
    columns: dict[str, npt.NDArray[Any]] = {"label": labels} if labels is not None else {}
    columns |= {"row": dataset.rows, "uid": uids}
    write_tensors(path, header, columns, ("vectors", dtype, (len(uids), dim)), _checked(chunks, dtype), force)


def write_embedding(
    path: Path,
    header: Header,
    chunks: Iterable[Vectors],
    dim: int,
    dataset: Dataset,
    *,
    dtype: Precision = "float32",
    force: bool = False,
) -> Embedding:
    """`write_part` for the whole of a dataset; returns the embedding, opened."""
    write_part(path, header, chunks, dim, dataset, dtype=dtype, force=force)
    return open_own(path)


def _checked(chunks: Iterable[Vectors], dtype: Precision) -> Iterator[npt.NDArray[Any]]:
    """The chunks, as they are stored, where all their numbers can be."""
    n = 0
    for chunk in chunks:
        check_finite(chunk, n, "the embedding")
        with np.errstate(over="ignore"):
            stored = chunk.astype(dtype, copy=False)
        if (beyond := ~np.isfinite(stored).all(axis=1)).any():
            most = np.finfo(dtype).max
            raise CurateError(
                f"the vector of sample {n + int(np.argmax(beyond))} has a number beyond {most:,.0f}, the "
                f"largest of {dtype}: use --dtype float32"
            )
        yield stored
        n += len(chunk)


def check_finite(rows: Vectors, start: int, name: str) -> None:
    """Refuse vectors with NaN, infinity, or numbers whose squares are, naming the first that has one."""
    if not np.isfinite(rows).all():
        bad = np.flatnonzero(~np.isfinite(rows).all(axis=1))
        raise CurateError(
            f"{name}: the vector of sample {start + bad[0]} has NaN or infinity: mend or remove it"
        )
    if rows.size and (rows.max() > _LARGEST or rows.min() < -_LARGEST):
        bad = np.flatnonzero((np.abs(rows) > _LARGEST).any(axis=1))
        raise CurateError(
            f"{name}: the vector of sample {start + bad[0]} has a number beyond {_LARGEST:.0e}, and "
            "float32 does not hold its distances: scale the vectors, or remove it"
        )


def row_chunks(n: int, row_bytes: int) -> Iterator[tuple[int, int]]:
    """Start and stop of consecutive chunks of about 64 MiB."""
    step = max(1, _CHUNK_BYTES // row_bytes)
    return ((start, min(start + step, n)) for start in range(0, n, step))


def open_own(path: Path) -> Embedding:
    """Open an embedding of curate's own in one file, checked."""
    part = open_part(path, is_whole=True)
    with damage_as_one_line(path, "embedding", "make it again"):
        return as_embedding(path, part.header, part.columns, part.dim, part.read)


def is_own(path: Path) -> bool:
    """Whether a file of safetensors was written here."""
    written, names = _told(_opened(path))
    return written is not None or {"uid", "vectors"} <= names


def _opened(path: Path) -> Any:
    from safetensors import SafetensorError, safe_open

    size_of(path)
    try:
        return safe_open(path, framework="numpy")
    except (SafetensorError, OSError, ValueError) as problem:
        reason = " ".join(str(problem).split())[:120]
        raise DamagedError(f"{path} is not a readable safetensors file ({reason}): copy it anew") from None


def _told(file: Any) -> tuple[str | None, set[str]]:
    """The header as it is written in a file, where it has one, and the names of its tensors."""
    return (file.metadata() or {}).get("curate"), set(file.keys())


def open_part(path: Path, is_whole: bool = False) -> Part:
    """What a file of curate's own holds, of all samples where it `is_whole`; seal and tensors are checked."""
    file = _opened(path)
    written, names = _told(file)
    if written is None or not {"uid", "vectors"} <= names:
        raise DamagedError(f"{path} is damaged: its header and its tensors do not agree; make it again")
    check_seal(path)
    header = read_header(written, path, ("embedding",))
    with damage_as_one_line(path, "embedding", "make it again"):
        matrix = file.get_slice("vectors")
        columns = {name: file.get_tensor(name) for name in sorted(names & _COLUMNS)}
        n = header.dataset.n if is_whole else len(columns["uid"])
        dim = _check_tensors(matrix, columns, n, path)
    return Part(header, columns, dim, lambda a, b: matrix[a:b])


def as_embedding(
    path: Path,
    header: Header,
    columns: dict[str, npt.NDArray[Any]],
    dim: int,
    read: Callable[[int, int], npt.NDArray[Any]],
) -> Embedding:
    """The embedding of the columns and vectors of a dataset, where they do not contradict its header."""
    n = header.dataset.n
    check_samples({**columns, "index": np.arange(n)}, header, path)
    return Embedding(path, header, n, dim, columns["uid"], columns.get("label"), columns.get("row"), read)


def _check_tensors(matrix: Any, columns: dict[str, npt.NDArray[Any]], n: int, path: Path) -> int:
    """How many numbers a vector has; refuses tensors that contradict one another."""
    shape, kind = matrix.get_shape(), matrix.get_dtype()
    if kind not in _KINDS or len(shape) != 2 or shape[0] != n or shape[1] < 1:
        raise DamagedError(f"{path} has vectors {kind} {shape}, and not float32 for {n:,} samples")
    for name, column in columns.items():
        wanted = np.uint64 if name == "uid" else np.int64
        if column.dtype != wanted or column.shape != (n,):
            raise DamagedError(f"{path} has a {name} {column.dtype} {column.shape} for {n:,} samples")
    return int(shape[1])
