"""Exact nearest neighbours and near pairs by cosine, of all against all, in one pass of matrix products."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from curate.data.identity import Indices
from curate.progress import LOGGED, Progress
from curate.vectors.embedding import Vectors

_AT_ONCE = 2**24  # cosines in memory
_ROUNDING = 1e-6  # of a cosine


class Neighbours:
    """Directions `[n, d]`, of length 1, and once `pairs` has gone through them the nearest other of each.

    `distance` float64 `[n]` is 1 − cosine, and `nearest` int64 `[n]` whose; 1 and −1 where there is no other.
    """

    def __init__(self, directions: Vectors) -> None:
        self.directions = directions
        self.distance = np.ones(len(directions))
        self.nearest = np.full(len(directions), -1)

    def pairs(
        self, max_cosine_distance: float, progress: Progress = LOGGED
    ) -> Iterator[npt.NDArray[np.int64]]:
        """All pairs that are not further apart than that, `[m, 2]` at a time."""
        limit = 1 - max_cosine_distance - _ROUNDING
        with progress.task("near-duplicates", len(self.directions), "samples"):
            for rows, cosines in _cosines(self.directions, np.arange(len(self.directions)), self.directions):
                cosines[np.arange(len(rows)), rows] = -np.inf
                self.nearest[rows] = cosines.argmax(axis=1)
                highest = cosines[np.arange(len(rows)), self.nearest[rows]]
                self.distance[rows] = _apart(highest)
                has_any = np.flatnonzero(highest >= limit)
                of, other = np.nonzero(cosines[has_any] >= limit)
                one = rows[has_any[of]]
                later = other > one
                yield np.stack([one[later], other[later]], axis=1)
                progress.advance(len(rows))
        self.nearest[np.isinf(self.distance)] = -1
        self.distance[np.isinf(self.distance)] = 1

    def among(self, standing: Indices) -> npt.NDArray[np.float64]:
        """The distance of each of `standing`, sorted, to the nearest other of them; 1 where there is none."""
        is_one = np.zeros(len(self.directions), np.bool_)
        is_one[standing] = True
        result = self.distance[standing]
        elsewhere = np.flatnonzero(~is_one[self.nearest[standing]] | (self.nearest[standing] < 0))
        others = self.directions[standing] if elsewhere.size else self.directions[:0]
        for places, cosines in _cosines(others, elsewhere, others):
            cosines[np.arange(len(places)), places] = -np.inf
            result[places] = _apart(cosines.max(axis=1))
        result[np.isinf(result)] = 1
        return result


def _cosines(
    directions: Vectors, rows: Indices, others: Vectors
) -> Iterator[tuple[Indices, npt.NDArray[np.float32]]]:
    """The cosines between `rows` of directions and `others`, some rows at a time."""
    step = max(1, _AT_ONCE // max(1, len(others)))
    for start in range(0, len(rows), step):
        some = rows[start : start + step]
        yield some, directions[some] @ others.T


def _apart(cosines: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """Distances; those of rounding alone are 0."""
    return np.maximum(1 - cosines.astype(np.float64), 0)
