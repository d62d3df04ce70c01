"""Exact neighbours by cosine, against all pairs in numpy."""

import numpy as np
import pytest

from curate.vectors.neighbours import nearest_other, pairs_within


@pytest.fixture(params=[7, 1024], ids="{} rows at once".format)
def directions(request, monkeypatch):
    """40 directions in space, 15 of them there twice, looked at some rows at a time."""
    monkeypatch.setattr("curate.vectors.neighbours._SEARCH_ROWS", request.param)
    vectors = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)
    vectors[25:] = vectors[:15]
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def all_distances(directions):
    return 1 - directions.astype(np.float64) @ directions.astype(np.float64).T


def test_the_nearest_other_is_the_least_of_all_distances_but_its_own(directions):
    apart = all_distances(directions)
    np.fill_diagonal(apart, np.inf)
    result = nearest_other(directions)
    np.testing.assert_allclose(result, apart.min(axis=1), atol=1e-6)
    assert (result >= 0).all()  # rounding alone would give a little less for some


@pytest.mark.parametrize("n", [0, 1])
def test_where_there_is_no_other_one_the_distance_is_1(n):
    assert nearest_other(np.eye(3, dtype=np.float32)[:n]).tolist() == [1.0] * n


@pytest.mark.parametrize("limit", [0.0, 0.02, 0.3, 2.0])
def test_pairs_within_a_distance_are_all_of_them_and_each_once(directions, limit):
    apart = all_distances(directions)
    expected = [(i, j) for i in range(40) for j in range(i + 1, 40) if apart[i, j] <= limit + 1e-6]
    result = np.concatenate(list(pairs_within(directions, limit)))
    assert sorted(map(tuple, result.tolist())) == expected
    assert len(expected) >= 15
