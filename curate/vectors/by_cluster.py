"""Vectors cluster by cluster, in bounded memory: in one pass they are sorted into files that fit into it.

The files lie where temporary files do (TMPDIR) and take as much room as the vectors in float32.
"""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import numpy as np
import numpy.typing as npt

from curate.data.identity import Indices
from curate.errors import CurateError
from curate.progress import LOGGED, Progress
from curate.vectors.embedding import Embedding, Vectors

AT_ONCE_BYTES = 2**30  # of vectors in memory


def by_cluster(
    embedding: Embedding, cluster: npt.NDArray[np.integer[Any]], progress: Progress = LOGGED
) -> Iterator[tuple[Indices, Vectors]]:
    """The samples of each cluster that has any, sorted, and their vectors `[m, d]`; `cluster` is `[n]`."""
    n, row_bytes = embedding.n, 4 * embedding.dim
    if n * row_bytes <= AT_ONCE_BYTES:
        yield from _parts(np.arange(n), cluster, embedding.read(0, n))
        return
    bucket = _buckets(cluster, row_bytes)
    n_buckets, room = int(bucket.max()) + 1, shutil.disk_usage(tempfile.gettempdir()).free
    if room < n * row_bytes:
        raise CurateError(
            f"{tempfile.gettempdir()} has room for {room / 2**30:,.1f} GiB, and the vectors take "
            f"{n * row_bytes / 2**30:,.1f}: name a folder with more in TMPDIR"
        )
    with ExitStack() as stack:
        files = [stack.enter_context(tempfile.TemporaryFile()) for _ in range(n_buckets)]
        with progress.task("sort vectors by cluster", n, "vectors"):
            for start, stop in embedding.chunks():
                rows, of = embedding.read(start, stop), bucket[cluster[start:stop]]
                for number in np.unique(of).tolist():
                    files[number].write(np.ascontiguousarray(rows[of == number]).data)
                progress.advance(stop - start)
        for number, file in enumerate(files):
            own = np.flatnonzero(bucket[cluster] == number)
            file.seek(0)
            vectors = np.frombuffer(file.read(), np.float32).reshape(len(own), embedding.dim)
            file.close()
            yield from _parts(own, cluster[own], vectors)


def _buckets(cluster: npt.NDArray[np.integer[Any]], row_bytes: int) -> npt.NDArray[np.int64]:
    """The file of each cluster: consecutive clusters share one as long as their vectors fit into memory."""
    sizes = np.bincount(cluster) * row_bytes
    bucket, number, filled = np.zeros(len(sizes), np.int64), 0, 0
    for place, size in enumerate(sizes.tolist()):
        if filled and filled + size > AT_ONCE_BYTES:
            number, filled = number + 1, 0
        bucket[place], filled = number, filled + size
    return bucket


def _parts(
    rows: Indices, cluster: npt.NDArray[np.integer[Any]], vectors: Vectors
) -> Iterator[tuple[Indices, Vectors]]:
    order = np.argsort(cluster, kind="stable")
    ends = np.flatnonzero(np.diff(cluster[order], append=cluster.max() + 1)) + 1
    for start, stop in zip([0, *ends[:-1].tolist()], ends.tolist(), strict=True):
        own = order[start:stop]
        yield rows[own], vectors[own]
