"""Exact nearest neighbours by cosine, with FAISS."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from curate.progress import LOGGED, Progress
from curate.vectors.embedding import Vectors

_SEARCH_ROWS = 1024
_ROUNDING = 1e-6  # of a cosine


def nearest_other(directions: Vectors, progress: Progress = LOGGED) -> npt.NDArray[np.float64]:
    """The cosine distance from each of `directions` `[n, d]`, of length 1, to the nearest other one, `[n]`.

    Where there is no other one, 1.
    """
    import faiss

    n = len(directions)
    distances = np.ones(n)
    if n < 2:
        return distances
    index = faiss.IndexFlatIP(directions.shape[1])
    index.add(directions)
    with progress.task("nearest neighbours", n, "samples"):
        for start in range(0, n, _SEARCH_ROWS):
            rows = directions[start : start + _SEARCH_ROWS]
            cosines, neighbours = index.search(rows, 2)
            itself_first = neighbours[:, 0] == np.arange(start, start + len(rows))
            distances[start : start + len(rows)] = 1 - np.where(itself_first, cosines[:, 1], cosines[:, 0])
            progress.advance(len(rows))
    return np.maximum(distances, 0)


def pairs_within(
    directions: Vectors, max_cosine_distance: float, progress: Progress = LOGGED
) -> Iterator[npt.NDArray[np.int64]]:
    """All pairs of `directions` `[n, d]`, of length 1, not further apart than that, `[m, 2]` at a time."""
    import faiss

    n = len(directions)
    index = faiss.IndexFlatIP(directions.shape[1])
    index.add(directions)
    with progress.task("near-duplicates", n, "samples"):
        for start in range(0, n, _SEARCH_ROWS):
            rows = directions[start : start + _SEARCH_ROWS]
            limits, _, neighbours = index.range_search(rows, 1 - max_cosine_distance - _ROUNDING)
            counts = np.diff(np.asarray(limits, np.int64))
            own = np.repeat(np.arange(start, start + len(rows)), counts.astype(np.int64))
            later = neighbours > own
            yield np.stack([own[later], neighbours[later]], axis=1)
            progress.advance(len(rows))
