"""Exact neighbours by cosine, against all pairs in numpy."""

import numpy as np
import pytest

from curate.vectors.neighbours import Neighbours


@pytest.fixture(params=[7, 1024], ids="{} rows at once".format)
def directions(request, monkeypatch):
    """40 directions in space, 15 of them there twice, looked at some rows at a time."""
    monkeypatch.setattr("curate.vectors.neighbours._AT_ONCE", 40 * request.param)
    vectors = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)
    vectors[25:] = vectors[:15]
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def all_distances(directions):
    return 1 - directions.astype(np.float64) @ directions.astype(np.float64).T


def test_the_nearest_other_is_the_least_of_all_distances_but_its_own(directions):
    apart = all_distances(directions)
    np.fill_diagonal(apart, np.inf)
    neighbours = Neighbours(directions)
    list(neighbours.pairs(0.0))
    result = neighbours.distance
    assert (apart[np.arange(40), neighbours.nearest] <= apart.min(axis=1) + 1e-6).all()
    np.testing.assert_allclose(result, apart.min(axis=1), atol=1e-6)
    assert (result >= 0).all()  # rounding alone would give a little less for some


@pytest.mark.parametrize("n", [0, 1])
def test_where_there_is_no_other_one_the_distance_is_1(n):
    neighbours = Neighbours(np.eye(3, dtype=np.float32)[:n])
    assert sum(len(pairs) for pairs in neighbours.pairs(0.5)) == 0
    assert neighbours.distance.tolist() == [1.0] * n
    assert neighbours.nearest.tolist() == [-1] * n
    assert neighbours.among(np.arange(n)).tolist() == [1.0] * n


@pytest.mark.parametrize("standing", [[], [3], [3, 28], [*range(0, 40, 3)], [*range(25)], [*range(40)]])
def test_the_nearest_of_those_that_stand_is_the_least_of_their_distances(directions, standing):
    neighbours = Neighbours(directions)
    list(neighbours.pairs(0.1))
    apart = all_distances(directions)[np.ix_(standing, standing)]
    np.fill_diagonal(apart, np.inf)
    expected = apart.min(axis=1, initial=np.inf)
    result = neighbours.among(np.array(standing, np.int64))
    np.testing.assert_allclose(result, np.where(np.isinf(expected), 1, expected), atol=1e-6)


@pytest.mark.parametrize("limit", [0.0, 0.02, 0.3, 2.0])
def test_pairs_within_a_distance_are_all_of_them_and_each_once(directions, limit):
    apart = all_distances(directions)
    expected = [(i, j) for i in range(40) for j in range(i + 1, 40) if apart[i, j] <= limit + 1e-6]
    result = np.concatenate(list(Neighbours(directions).pairs(limit)))
    assert sorted(map(tuple, result.tolist())) == expected
    assert len(expected) >= 15
