"""random: by chance, of all samples or of every cluster alike."""

import numpy as np
from helpers.tables import clusters_table

from curate import finder
from curate.rng import rng


def test_random_within_clusters_draws_equal_numbers(tmp_path):
    cluster = [0] * 30 + [1] * 10 + [2] * 20
    table = clusters_table(tmp_path / "t", cluster, [0.0] * 60)
    order = finder.make("strategies", "random", {"within": "cluster"})(table, rng(0, "s"))
    assert np.bincount(np.array(cluster)[order[:15]]).tolist() == [5, 5, 5]
    plain = finder.make("strategies", "random")(table, rng(0, "s"))
    assert np.bincount(np.array(cluster)[plain[:15]]).tolist() != [5, 5, 5]
