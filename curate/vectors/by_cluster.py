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

from curate import world
from curate.data.identity import Indices, of_rows
from curate.errors import CurateError
from curate.progress import LOGGED, Progress
from curate.vectors.embedding import Embedding, Vectors

AT_ONCE_BYTES = 2**30  # of vectors in memory


def by_cluster(
    embedding: Embedding,
    cluster: npt.NDArray[np.integer[Any]],
    progress: Progress = LOGGED,
    only: npt.NDArray[np.bool_] | None = None,
) -> Iterator[tuple[Indices, Vectors]]:
    """The samples of each cluster that has any, sorted, and their vectors `[m, d]`; `cluster` is `[n]`.

    With `only`, `[k]`, no others than those clusters.
    """
    n, row_bytes = embedding.n, 4 * embedding.dim
    if n * row_bytes <= AT_ONCE_BYTES:
        own = np.arange(n) if only is None else np.flatnonzero(only[cluster])
        yield from _parts(own, of_rows(cluster, own), of_rows(embedding.read(0, n), own))
        return
    sizes = np.bincount(cluster, minlength=0 if only is None else len(only))
    if only is not None:
        sizes[~only] = 0
    bucket = _buckets(sizes * row_bytes)
    n_writing = 1 if only is None else world.n_here()  # as much each
    wanted, room = n_writing * int(sizes.sum()) * row_bytes, shutil.disk_usage(tempfile.gettempdir()).free
    if room < wanted:
        raise CurateError(
            f"{tempfile.gettempdir()} has room for {room / 2**30:,.1f} GiB, and the vectors take "
            f"{wanted / 2**30:,.1f}: name a folder with more in TMPDIR"
        )
    with ExitStack() as stack:
        files = [stack.enter_context(tempfile.TemporaryFile()) for _ in range(int(bucket.max()) + 1)]
        with progress.task("sort vectors by cluster", n, "vectors"):
            for start, stop in embedding.chunks():
                rows, of = embedding.read(start, stop), bucket[cluster[start:stop]]
                for number in np.unique(of[of >= 0]).tolist():
                    files[number].write(np.ascontiguousarray(rows[of == number]).data)
                progress.advance(stop - start)
        for number, file in enumerate(files):
            own = np.flatnonzero(bucket[cluster] == number)
            file.seek(0)
            vectors = np.frombuffer(file.read(), np.float32).reshape(len(own), embedding.dim)
            file.close()
            yield from _parts(own, cluster[own], vectors)


def _buckets(sizes: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """The file of each cluster of so many bytes, −1 of those of none.

    Consecutive clusters share one as long as their vectors fit into memory.
    """
    bucket, number, filled = np.full(len(sizes), -1), 0, 0
    for place in np.flatnonzero(sizes).tolist():
        size = int(sizes[place])
        if filled and filled + size > AT_ONCE_BYTES:
            number, filled = number + 1, 0
        bucket[place], filled = number, filled + size
    return bucket


def _parts(
    rows: Indices, cluster: npt.NDArray[np.integer[Any]], vectors: Vectors
) -> Iterator[tuple[Indices, Vectors]]:
    if not len(rows):
        return
    order = np.argsort(cluster, kind="stable")
    ends = np.flatnonzero(np.diff(cluster[order], append=cluster.max() + 1)) + 1
    for start, stop in zip([0, *ends[:-1].tolist()], ends.tolist(), strict=True):
        own = order[start:stop]
        yield rows[own], vectors[own]
