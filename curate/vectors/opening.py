"""Embeddings are opened here, wherever they come from.

Vectors of curate's own lie in one file, or in a folder of shards. Vectors from elsewhere (`.npy`, `.npz`,
`.safetensors`, a Parquet vector column, or a folder or a glob of these) are embeddings too.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from curate.artifacts.arrow import values_of
from curate.artifacts.files import as_path, or_beside
from curate.artifacts.header import DatasetReference, Header
from curate.artifacts.kinds import kind_of, own_shards, vector_files
from curate.data.dataset import Dataset
from curate.data.identity import Uids, uid_of
from curate.data.identity import fingerprint as fingerprint_of
from curate.data.kept import known
from curate.errors import CurateError
from curate.progress import LOGGED
from curate.vectors.embedding import Embedding, is_own, open_own, row_chunks
from curate.vectors.foreign import SUFFIXES, Foreign, class_labels, of_array, open_foreign, read_labels
from curate.vectors.own_shards import open_own_shards
from curate.vectors.shards import open_shards

_NO_VECTORS = {  # kinds, and what is done with them
    "clusters": "`curate select {}` takes it",
    "scores": "`curate select {}` takes it",
    "manifest": "`curate replay {}` trains on it",
    "trace": "`curate score --trace {}` takes it",
    "results": "`curate report {}` shows them",
}
_MANY_BYTES = 64 * 2**20  # of vectors, from which on their uids are kept in the cache


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
    if own_shards(path):
        _refuse_labels(path, labels)
        return open_own_shards(path)
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
    if path.suffix not in SUFFIXES and is_own(path):
        _refuse_labels(path, labels)
        return open_own(path)
    return _foreign(path, open_foreign(path), data, labels)


def _refuse_labels(path: Path, labels: Any) -> None:
    if labels is not None:
        raise CurateError(f"{path} was made by curate, with the labels there are: leave out --labels")


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
    if not files or n * dim * 4 < _MANY_BYTES:
        return _uids_of_vectors(n, dim, read)
    table = known("uids", files, lambda: pa.table({"uid": _uids_of_vectors(n, dim, read)}), LOGGED)
    return values_of(table.column("uid"))


def _uids_of_vectors(n: int, dim: int, read: Callable[[int, int], Any]) -> Uids:
    uids = np.empty(n, np.uint64)
    for start, stop in row_chunks(n, dim * 4):
        rows = np.ascontiguousarray(read(start, stop), dtype=np.float32)
        uids[start:stop] = [uid_of(b"", row[None, None]) for row in rows]
    return uids
