"""k-means: assignments against brute force, planted clusters, spherical distance, bounded memory."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import curate
from curate.errors import CurateError
from curate.vectors.kmeans import kmeans, usual_k


def reader(vectors):
    return lambda start, stop: np.ascontiguousarray(vectors[start:stop], np.float32)


def planted(n=600, k=6, dim=5, spread=0.05, seed=0):
    chance = np.random.default_rng(seed)
    centres = chance.normal(size=(k, dim)) * 5
    truth = chance.integers(0, k, n)
    return (centres[truth] + chance.normal(size=(n, dim)) * spread).astype(np.float32), truth


def test_every_sample_goes_to_its_nearest_centroid():
    vectors = np.random.default_rng(0).normal(size=(500, 7)).astype(np.float32)
    result = kmeans(reader(vectors), 500, 7, 11)
    squared = ((vectors[:, None].astype(np.float64) - result.centroids[None]) ** 2).sum(-1)
    best = squared.min(axis=1)
    np.testing.assert_allclose(result.distance.astype(np.float64) ** 2, best, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(result.objective, best.sum(), rtol=1e-5)
    assert (squared[np.arange(500), result.cluster] <= best * (1 + 1e-4)).all()


def test_vectors_that_lie_far_from_zero_are_clustered_as_those_around_it():
    near = np.random.default_rng(0).integers(-9, 9, (500, 7)).astype(np.float32)
    here, there = (kmeans(reader(near + far), 500, 7, 11) for far in (0, 30_000))
    assert np.array_equal(here.cluster, there.cluster)
    np.testing.assert_allclose(here.distance, there.distance, atol=0.02)
    np.testing.assert_allclose(here.history, there.history, rtol=1e-4)


def test_spherical_distance_is_one_minus_cosine():
    vectors = np.random.default_rng(0).normal(size=(300, 4)).astype(np.float32)
    vectors[7] = 0
    result = kmeans(reader(vectors), 300, 4, 5, spherical=True)
    np.testing.assert_allclose(np.linalg.norm(result.centroids, axis=1), 1, rtol=1e-5)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    cosines = (vectors / np.where(lengths > 0, lengths, 1)) @ result.centroids.T
    np.testing.assert_allclose(result.distance, 1 - cosines.max(axis=1), atol=1e-5)
    assert result.distance[7] == pytest.approx(1)


def test_planted_clusters_are_found():
    vectors, truth = planted()
    tries = [kmeans(reader(vectors), 600, 5, 6, seed=seed) for seed in range(40)]
    result = min(tries, key=lambda clustering: clustering.objective)
    for number in range(6):
        assert len(set(truth[result.cluster == number].tolist())) == 1


def test_the_seed_decides():
    vectors, _ = planted(spread=2.0)
    one, same, other = (kmeans(reader(vectors), 600, 5, 9, seed=seed) for seed in (1, 1, 2))
    assert (one.cluster == same.cluster).all()
    assert (one.distance == same.distance).all()
    assert (one.centroids != other.centroids).any()


@pytest.mark.parametrize("init", ["afk-mc2", "kmeans++"])
def test_spread_out_centroids_find_planted_clusters_more_often(init):
    vectors, _ = planted(k=10, n=1000)

    def mean_objective(init):
        how = {"init": init, "n_relocations": 0}
        tries = [kmeans(reader(vectors), 1000, 5, 10, seed=seed, **how) for seed in range(12)]
        return np.mean([result.objective for result in tries])

    assert mean_objective(init) < mean_objective("random")


def test_relocated_centroids_leave_a_poor_optimum():
    vectors, _ = planted(k=10, n=1000)
    for seed in range(12):
        settled = kmeans(reader(vectors), 1000, 5, 10, n_iterations=40, n_relocations=0, seed=seed).objective
        moved = kmeans(reader(vectors), 1000, 5, 10, n_relocations=6, seed=seed).objective
        assert moved <= settled * (1 + 1e-6)


def test_by_default_what_a_random_start_leaves_apart_is_settled():
    """40 round clouds far apart in 96 dimensions: their own means are as good as any centroids can be."""
    chance = np.random.default_rng(3)
    of = chance.integers(0, 40, 2000)
    vectors = (4 * chance.standard_normal((40, 96))[of] + chance.standard_normal((2000, 96))).astype(
        np.float32
    )
    planted = sum(((vectors[of == c] - vectors[of == c].mean(0)) ** 2).sum() for c in range(40))
    for seed in range(3):
        plain = kmeans(reader(vectors), 2000, 96, 40, n_iterations=20, n_relocations=0, seed=seed)
        usual = kmeans(reader(vectors), 2000, 96, 40, seed=seed)
        assert plain.objective > 1.5 * planted
        assert usual.objective < 0.7 * plain.objective


def test_the_last_gain_is_that_of_the_last_relocation():
    vectors, _ = planted(k=10, n=1000)
    assert kmeans(reader(vectors), 1000, 5, 10, n_relocations=0).last_gain is None
    once = kmeans(reader(vectors), 1000, 5, 10, n_iterations=8, n_relocations=1)
    # four iterations, three after the relocation, four more; FAISS may stop early where nothing moves
    assert 0 <= once.last_gain < 1
    many = kmeans(reader(vectors), 1000, 5, 10, n_iterations=8, n_relocations=12)
    assert many.last_gain < 0.01


@pytest.mark.parametrize("spherical", [False, True])
@given(seed=st.integers(0, 99), k=st.integers(1, 30), rounds=st.integers(1, 4), iterations=st.integers(1, 6))
@settings(max_examples=25, deadline=None)
def test_relocation_loses_no_centroid(spherical, seed, k, rounds, iterations):
    vectors = np.random.default_rng(seed).integers(0, 4, (30, 2)).astype(np.float32)
    vectors[:10] = vectors[10:20]  # ties and empty clusters
    shared = {"spherical": spherical, "n_iterations": iterations, "n_relocations": rounds, "seed": seed}
    result = kmeans(reader(vectors), 30, 2, k, **shared)
    assert result.centroids.shape == (k, 2)
    assert np.isfinite(result.centroids).all()
    assert (result.centroids == kmeans(reader(vectors), 30, 2, k, **shared).centroids).all()


def test_negative_relocations_are_an_error():
    with pytest.raises(CurateError, match="relocate=-1 is too few"):
        kmeans(reader(np.zeros((10, 2))), 10, 2, 2, n_relocations=-1)


def test_a_misspelt_init_is_an_error():
    with pytest.raises(CurateError, match=r"there is no init 'kmeans\+': did you mean kmeans\+\+"):
        kmeans(reader(np.zeros((10, 2))), 10, 2, 2, init="kmeans+")


def test_more_iterations_do_not_make_it_worse():
    vectors, _ = planted(spread=2.0)
    how = {"n_relocations": 0}
    short, long = (kmeans(reader(vectors), 600, 5, 9, n_iterations=count, **how) for count in (1, 25))
    assert long.objective <= short.objective
    assert len(short.history) == 1
    assert 1 < len(long.history) <= 25  # FAISS stops when nothing moves


@given(st.integers(1, 12), st.integers(12, 40), st.booleans())
@settings(max_examples=25, deadline=None)
def test_any_k_up_to_n_gives_valid_clusters(k, n, spherical):
    vectors = np.random.default_rng(k).normal(size=(n, 3)).astype(np.float32)
    result = kmeans(reader(vectors), n, 3, k, spherical=spherical, n_iterations=3)
    assert result.cluster.min() >= 0
    assert result.cluster.max() < k
    assert (result.distance >= 0).all()


def test_equal_vectors_leave_clusters_empty_and_are_reported(tmp_path):
    np.save(tmp_path / "v.npy", np.ones((20, 3), np.float32))
    table = curate.cluster(tmp_path / "v.npy", 4, output=tmp_path / "c.parquet")
    assert table.header.summary["n_empty"] == 4 - len(set(table["cluster"].tolist()))
    assert table["distance"].max() < 0.01  # FAISS moves copies of a centroid a little apart


def test_it_trains_on_a_sample_and_assigns_everything(monkeypatch):
    monkeypatch.setattr("curate.vectors.kmeans._SAMPLE_ROWS", 100)
    monkeypatch.setattr("curate.vectors.kmeans._SAMPLE_PER_CENTROID", 10)
    monkeypatch.setattr("curate.vectors.embedding._CHUNK_BYTES", 5 * 4 * 64)
    vectors, _ = planted(n=1000)
    largest = 0

    def read(start, stop):
        nonlocal largest
        largest = max(largest, stop - start)
        return reader(vectors)(start, stop)

    result = kmeans(read, 1000, 5, 6)
    assert result.n_trained_on == 100
    assert largest == 64
    squared = ((vectors[:, None] - result.centroids[None]) ** 2).sum(-1)
    assert (result.cluster == squared.argmin(axis=1)).mean() > 0.999


@pytest.mark.parametrize(
    ("k", "iterations", "message"),
    [
        (0, 5, r"k=0 is out of range: use 1 to 10"),
        (11, 5, r"k=11 is out of range: use 1 to 10"),
        (2, 0, r"iterations=0 is too few"),
    ],
)
def test_impossible_numbers_are_refused(k, iterations, message):
    with pytest.raises(CurateError, match=message):
        kmeans(reader(np.zeros((10, 2))), 10, 2, k, n_iterations=iterations)


@pytest.mark.parametrize(("n", "k"), [(5, 1), (24, 2), (156, 12), (1_443, 12), (1_500, 12), (60_000, 500)])
def test_small_sets_have_clusters_too(n, k):
    assert usual_k(n) == k


@pytest.mark.parametrize(("n", "k"), [(230_400, 1_920), (1_280_000, 4_525), (10_000_000, 12_649)])
def test_very_many_samples_have_clusters_by_the_root_of_their_number(n, k):
    assert usual_k(n) == k
