"""The Embedding noun: one float32 vector per sample, row i is sample i, in a safetensors file.

Beside `vectors [n, d]` the file holds `uid [n]`, `row [n]` and, where known, `label [n]`, so clustering and
selection need not open the dataset again. Files are written and read in chunks and may be larger than
memory. Vectors from elsewhere (`.npy`, `.safetensors`, a Parquet vector column) are embeddings too.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from curate.artifacts.files import as_path, or_beside
from curate.artifacts.header import DatasetReference, Header, read_header
from curate.artifacts.kinds import kind_of, vector_files
from curate.artifacts.reading import damage_as_one_line, size_of
from curate.artifacts.seal import check_seal
from curate.artifacts.tables import check_samples
from curate.artifacts.tensors import write_tensors
from curate.data.dataset import Dataset
from curate.data.identity import Indices, Labels, Uids, uid_of
from curate.data.identity import fingerprint as fingerprint_of
from curate.data.kept import known, numbers_in
from curate.errors import CurateError, DamagedError
from curate.progress import LOGGED
from curate.vectors.foreign import (
    SUFFIXES,
    Foreign,
    class_labels,
    of_array,
    of_safetensors,
    open_foreign,
    read_labels,
)
from curate.vectors.shards import open_shards

_LARGEST = 1e15
_NO_VECTORS = {  # kinds, and what is done with them
    "clusters": "`curate select {}` takes it",
    "scores": "`curate select {}` takes it",
    "manifest": "`curate replay {}` trains on it",
    "trace": "`curate score --trace {}` takes it",
    "results": "`curate report {}` shows them",
}
_CHUNK_BYTES = 64 * 2**20

Vectors = npt.NDArray[np.float32]


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


def write_embedding(
    path: Path,
    header: Header,
    chunks: Iterable[Vectors],
    dim: int,
    dataset: Dataset,
    force: bool = False,
) -> Embedding:
    """Write vectors of a dataset as they come, each chunk float32 `[rows, dim]`, in sample order."""
    uids, labels = dataset.uids, dataset.labels
    columns: dict[str, npt.NDArray[Any]] = {"label": labels} if labels is not None else {}
    columns |= {"row": dataset.rows, "uid": uids}
    large = ("vectors", "float32", (len(uids), dim))
    write_tensors(path, header, columns, large, _finite_chunks(chunks), force)
    return open_embedding(path)


def _finite_chunks(chunks: Iterable[Vectors]) -> Iterator[Vectors]:
    n = 0
    for chunk in chunks:
        check_finite(chunk, n, "the embedding")
        yield chunk
        n += len(chunk)


def open_embedding(
    path: str | Path | npt.NDArray[Any],
    data: Dataset | None = None,
    labels: str | Path | npt.ArrayLike | None = None,
) -> Embedding:
    """Open an embedding of curate's own, checked, or vectors from elsewhere.

    Vectors from elsewhere belong to `data`, row by row, or stand for themselves: then the uid of a
    sample is a hash of its vector, and its label is that of `labels` (a file with one per line, `.npy`, or an
    array) or of the `.npz` itself.
    """
    if isinstance(path, np.ndarray):
        return _foreign(Path("vectors"), of_array(path, "the array"), data, labels)
    path = as_path(path, "embedding")
    if shards := vector_files(path):
        return _foreign(path, open_shards(shards), data, labels)
    if path.exists() and (kind := kind_of(path)) in _NO_VECTORS:
        raise CurateError(f"{path} holds {kind}, and no vectors: {_NO_VECTORS[kind].format(path)}")
    if not path.is_file():
        made = (
            f"`curate embed {path}` makes one of the images"
            if path.is_dir()
            else "make one with `curate embed`"
        )
        raise CurateError(f"there is no embedding {path}: {made}{or_beside(path)}")
    if data is not None and labels is not None:
        raise CurateError(f"{data.reference} has labels of its own: leave out --labels, or --data")
    if path.suffix in SUFFIXES:
        return _foreign(path, open_foreign(path), data, labels)
    return _open_safetensors(path, data, labels)


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


def _open_safetensors(path: Path, data: Dataset | None, labels: Any) -> Embedding:
    from safetensors import SafetensorError, safe_open

    size_of(path)
    try:
        file = safe_open(path, framework="numpy")
    except (SafetensorError, OSError, ValueError) as problem:
        reason = " ".join(str(problem).split())[:120]
        raise DamagedError(f"{path} is not a readable safetensors file ({reason}): copy it anew") from None
    written, names = (file.metadata() or {}).get("curate"), set(file.keys())
    ours = {"uid", "vectors"} <= names
    if ours != (written is not None):
        raise DamagedError(f"{path} is damaged: its header and its tensors do not agree; make it again")
    if not ours:
        return _foreign(path, of_safetensors(file, path), data, labels)
    if labels is not None:
        raise CurateError(f"{path} was made by curate, with the labels there are: leave out --labels")
    check_seal(path)
    header = read_header(written, path, ("embedding",))
    with damage_as_one_line(path, "embedding", "make it again"):
        matrix = file.get_slice("vectors")
        columns = {name: file.get_tensor(name) for name in ("label", "row", "uid") if name in names}
        n, dim = _check_tensors(matrix, columns, header, path)
    known, rows = columns.get("label"), columns.get("row")
    return Embedding(path, header, n, dim, columns["uid"], known, rows, lambda a, b: matrix[a:b])


def _check_tensors(
    matrix: Any, columns: dict[str, npt.NDArray[Any]], header: Header, path: Path
) -> tuple[int, int]:
    """How many vectors of how many numbers; refuses tensors that contradict one another or the header."""
    n = header.dataset.n
    shape, kind = matrix.get_shape(), matrix.get_dtype()
    if kind != "F32" or len(shape) != 2 or shape[0] != n or shape[1] < 1:
        raise DamagedError(f"{path} has vectors {kind} {shape}, and not float32 for {n:,} samples")
    for name, column in columns.items():
        wanted = np.uint64 if name == "uid" else np.int64
        if column.dtype != wanted or column.shape != (n,):
            raise DamagedError(f"{path} has a {name} {column.dtype} {column.shape} for {n:,} samples")
    check_samples({**columns, "index": np.arange(n)}, header, path)
    return n, shape[1]


def _foreign(path: Path, found: Foreign, data: Dataset | None, given: Any) -> Embedding:
    """Vectors that carry no header of ours, tied to a dataset or standing for themselves."""
    shape, read = found.shape, found.read
    if len(shape) != 2 or 0 in shape:
        raise CurateError(
            f"{path} has shape {shape}: store vectors as a matrix [n, d] with one row per sample"
        )
    n, dim = shape
    if data is not None:
        if len(data) != n:
            raise CurateError(
                f"{path} has {n:,} vectors, {data.reference} ({data.options.split}) has {len(data):,} "
                "samples: they do not belong together"
            )
        uids, labels, rows, described = data.uids, data.labels, data.rows, data.header()
    else:
        uids, rows = _known_uids(path, n, dim, read), np.arange(n)
        labels, classes = None, list[str]()
        if isinstance(given, str | os.PathLike):
            labels, classes = read_labels(Path(given), n)
        elif given is not None or found.labels is not None:
            labels, classes = class_labels(found.labels if given is None else given, n, path)
        fingerprint = fingerprint_of(uids, labels)
        described = DatasetReference(str(path), "all", n, classes, fingerprint, vectors_only=True, n_rows=n)
    header = Header("embedding", described, command=None, sha256=fingerprint_of(uids, labels))
    return Embedding(path, header, n, dim, uids, labels, rows, read)


def _known_uids(path: Path, n: int, dim: int, read: Callable[[int, int], Any]) -> Uids:
    """The uids of vectors, from the cache where there are many, and their files have not changed since."""
    import pyarrow as pa

    files = vector_files(path) or ([path] if path.is_file() else [])
    if not files or n * dim * 4 < _CHUNK_BYTES:
        return _uids_of_vectors(n, dim, read)
    table = known("uids", files, lambda: pa.table({"uid": _uids_of_vectors(n, dim, read)}), LOGGED)
    return numbers_in(table, "uid")


def _uids_of_vectors(n: int, dim: int, read: Callable[[int, int], Any]) -> Uids:
    uids = np.empty(n, np.uint64)
    for start, stop in row_chunks(n, dim * 4):
        rows = np.ascontiguousarray(read(start, stop), dtype=np.float32)
        uids[start:stop] = [uid_of(b"", row[None, None]) for row in rows]
    return uids
