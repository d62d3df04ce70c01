"""Lloyd's iterations on a processor, against the same by naive code in float64."""

import numpy as np
import pytest

from curate.vectors import lloyd
from curate.vectors.lloyd import Processor

CHANCE = np.random.default_rng(5)


def directions(vectors):
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def apart(rows, centroids, spherical):
    rows, centroids = rows.astype(np.float64), centroids.astype(np.float64)
    return 1 - rows @ centroids.T if spherical else ((rows[:, None] - centroids) ** 2).sum(-1)


def naive(sample, centroids, n_iterations, spherical):
    history = []
    for _ in range(n_iterations):
        distances = apart(sample, centroids, spherical)
        cluster = distances.argmin(1)
        history.append(distances.min(1).sum())
        centroids = np.stack([sample[cluster == one].mean(0) for one in range(len(centroids))])
        if spherical:
            centroids = centroids / np.linalg.norm(centroids, axis=1, keepdims=True)
    return centroids, history


@pytest.fixture(params=[(2**22, 2**14), (60, 7)], ids=["at once", "in pieces"])
def pieces(request, monkeypatch):
    monkeypatch.setattr(lloyd, "_AT_ONCE", request.param[0])
    monkeypatch.setattr(lloyd, "_SUMMED", request.param[1])


def test_iterations_are_those_of_naive_code(pieces):
    sample = CHANCE.normal(size=(200, 6)).astype(np.float32)
    centroids, history = Processor(spherical=False).settle(sample, sample[:5], 4)
    expected, their_history = naive(sample.astype(np.float64), sample[:5].astype(np.float64), 4, False)
    np.testing.assert_allclose(centroids, expected, rtol=1e-5, atol=1e-4)
    np.testing.assert_allclose(history, their_history, rtol=1e-4)


def test_by_cosine_as_well(pieces):
    sample = directions(CHANCE.normal(size=(200, 6)))
    centroids, history = Processor(spherical=True).settle(sample, sample[:5], 4)
    expected, their_history = naive(sample, sample[:5], 4, True)
    np.testing.assert_allclose(centroids, expected, atol=1e-5)
    np.testing.assert_allclose(history, their_history, rtol=1e-4)
    assert history == sorted(history, reverse=True)


@pytest.mark.parametrize("spherical", [False, True])
def test_the_nearest_and_the_next_are_those_of_all_distances(pieces, spherical):
    rows, centroids = (directions(CHANCE.normal(size=(n, 4)) + 0.3) for n in (90, 12))
    expected = apart(rows, centroids, spherical)
    order = np.argsort(expected, axis=1)[:, :2]
    place = Processor(spherical)
    assert np.array_equal(place.nearest(rows, centroids), order[:, 0])
    distances, numbers = place.two_nearest(rows, centroids)
    assert np.array_equal(numbers, order)
    np.testing.assert_allclose(distances, np.take_along_axis(expected, order, 1), atol=1e-5)
    assert (distances >= 0).all() or spherical


def test_it_stops_where_nothing_moves():
    sample = np.array([[0.0, 0], [0, 1], [9, 9], [9, 8]], np.float32)
    centroids, history = Processor(False).settle(sample, sample[[0, 2]], 50)
    assert centroids.tolist() == [[0, 0.5], [9, 8.5]]
    assert history == pytest.approx([2.0, 1.0])


def test_a_centroid_without_samples_gets_half_of_the_largest_cluster():
    sample = np.concatenate([CHANCE.normal(size=(30, 2)), [[50, 50]]]).astype(np.float32)
    start = np.array([[0, 0], [50, 50], [-900, 900]], np.float32)
    place = Processor(False)
    centroids, _ = place.settle(sample, start, 6)
    sizes = np.bincount(place.nearest(sample, centroids), minlength=3)
    assert sizes.min() >= 1
    assert sizes[1] == 1


def test_copies_of_one_vector_have_nothing_to_share():
    sample = np.ones((2, 3), np.float32)
    centroids, history = Processor(False).settle(sample, np.ones((4, 3), np.float32), 3)
    assert np.isfinite(centroids).all()
    assert max(history) < 1e-6
