"""hybrid: closest and furthest samples of every cluster in turn: its heart and its border."""

from dataclasses import dataclass

import numpy as np

from curate.artifacts.tables import Table
from curate.data.identity import Indices
from curate.errors import CurateError
from curate.selection.strategy import across_clusters, distances, need_clusters, within_clusters
from curate.statistics import part_of


@dataclass(frozen=True)
class Hybrid:
    """`closest_share` of every prefix of a cluster's ranking, rounded up, comes from its near end."""

    closest_share: float = 0.5

    def __call__(self, table: Table, rng: np.random.Generator) -> Indices:
        if not 0 <= self.closest_share <= 1:
            raise CurateError(f"closest_share={self.closest_share} is not a share: use 0 to 1")
        nearness = within_clusters(distances(table), table)
        clusters = need_clusters(table)
        sizes = np.bincount(clusters)
        # Turn t takes from the near end when the number of near picks due rises with it.
        turns = np.arange(int(sizes.max()) + 1)
        near_before = np.array([part_of(self.closest_share, int(turn), up=True) for turn in turns])
        is_near = np.diff(near_before) > 0
        near_turn, far_turn = turns[:-1][is_near], turns[:-1][~is_near]
        n_near = near_before[sizes][clusters]
        farness = sizes[clusters] - 1 - nearness
        ranks = np.where(
            nearness < n_near,
            _at(near_turn, nearness),
            _at(far_turn, farness),
        )
        return across_clusters(ranks, table)


def _at(turns: np.ndarray, place: np.ndarray) -> np.ndarray:
    """The turn of each place, where there is one."""
    return turns[np.minimum(place, len(turns) - 1)] if len(turns) else np.zeros_like(place)
