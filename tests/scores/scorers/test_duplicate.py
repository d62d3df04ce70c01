"""duplicate: samples that are nearly the same are one group, and one of them stays."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import curate
from curate import finder
from curate.progress import LOGGED
from curate.scores.scorer import EmbeddingScorer
from curate.vectors.embedding import Embedding


def test_duplicates_go_first_and_one_of_them_stays(tmp_path):
    chance = np.random.default_rng(2)
    vectors = chance.normal(size=(40, 8)).astype(np.float32)
    vectors[30:] = vectors[:10] * 3
    np.save(tmp_path / "v.npy", vectors)
    table = curate.score(tmp_path / "v.npy", "duplicate", output=tmp_path / "s")
    group = table["duplicate_group"]
    assert all(len(set(group[[i, i + 30]])) == 1 for i in range(10))
    kept = curate.select(table, "top", keep=30, output=tmp_path / "m").selected(0).indices
    assert len(set(group[kept])) == 30


def test_near_duplicates_in_many_pieces_are_one_group(monkeypatch, tmp_path):
    from curate.scores.scorers import duplicate

    monkeypatch.setattr(duplicate, "_MOST_PAIRS", 3)
    monkeypatch.setattr("curate.vectors.neighbours._AT_ONCE", 64)
    angles = np.linspace(0, 1.5, 31)
    vectors = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    vectors = np.concatenate([vectors, -vectors[:1]])
    np.save(tmp_path / "v.npy", vectors)
    table = curate.score(tmp_path / "v.npy", "duplicate", output=tmp_path / "s")
    assert table["duplicate_group"].tolist() == [0] * 31 + [31]
    scorer: EmbeddingScorer = finder.make("scorers", "duplicate", {"max_cosine_distance": 0.001})
    result = scorer.from_embedding(curate.open_embedding(tmp_path / "v.npy"), LOGGED)
    assert len(set(result["duplicate_group"].tolist())) == 32


def semdedup_as_published(vectors, epsilon):
    """Which samples of one cluster stay: the published code's upper triangle, least central first."""
    directions = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    centroid = directions.mean(axis=0) / np.linalg.norm(directions.mean(axis=0))
    order = np.argsort(directions @ centroid, kind="stable")
    earlier = np.triu(directions[order] @ directions[order].T, k=1)
    stays = np.zeros(len(vectors), bool)
    stays[order] = earlier.max(axis=0) <= 1 - epsilon
    return stays


def nothing_is_tied(vectors, epsilon):
    """No two samples are equally central, and no pair is at the limit, to six digits."""
    directions = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    central = np.sort(directions @ directions.mean(axis=0))
    return np.diff(central).min() > 1e-6 and np.abs(directions @ directions.T - (1 - epsilon)).min() > 1e-6


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**20), n=st.integers(3, 60), epsilon=st.sampled_from([0.01, 0.05, 0.2]))
def test_pairs_keep_what_the_published_semdedup_keeps(seed, n, epsilon):
    chance = np.random.default_rng(seed)
    around = chance.normal(size=(5, 4)) + np.array([3, 0, 0, 0])  # so that the centroid is not near 0
    vectors = (around[chance.integers(0, 5, n)] + 0.3 * chance.normal(size=(n, 4))).astype(np.float32)
    assume(nothing_is_tied(vectors.astype(float), epsilon))
    uids = np.arange(n, dtype=np.uint64)
    embedding = Embedding(Path("x"), {}, n, 4, uids, None, None, lambda a, b: vectors[a:b])
    options = {"rule": "pairs", "k": 1, "max_cosine_distance": epsilon}
    outcome = finder.make("scorers", "duplicate", options).from_embedding(embedding, LOGGED)
    group, stays = outcome["duplicate_group"], semdedup_as_published(vectors.astype(float), epsilon)
    assert (group == np.arange(n)).tolist() == stays.tolist()
    assert stays[group].all()  # what goes has one that stands for it


def test_a_chain_is_one_group_of_chains_and_ends_stand_for_themselves_in_pairs(tmp_path, cli):
    angles = np.linspace(0, 0.8, 9)
    np.save(tmp_path / "v.npy", np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32))
    words = ["score", tmp_path / "v.npy", "--method", "duplicate", "--set", "max_cosine_distance=0.006"]
    chains = cli(*words, "-o", tmp_path / "chains.parquet")
    assert "1 groups of near-duplicates and single samples" in chains.err
    pairs = cli(*words, "--set", "rule=pairs", "--set", "k=1", "-o", tmp_path / "pairs.parquet")
    assert "2 groups of near-duplicates and single samples: so many keep one of each" in pairs.err
    assert f"curate select {tmp_path / 'pairs.parquet'} --strategy top --keep 2" in " ".join(
        pairs.err.split()
    )
    assert curate.open_table(tmp_path / "chains.parquet").header.summary == {"n_groups": 1}
    table = curate.open_table(tmp_path / "pairs.parquet")
    assert table.header.summary == {"n_groups": 2}
    kept = curate.select(table, "top", keep=2, output=tmp_path / "m").selected(0).indices
    assert kept.tolist() == [0, 8]


@pytest.mark.parametrize("rule", ["chains", "pairs"])
def test_as_many_as_there_are_groups_keep_one_of_each(rule, digits_round, tmp_path):
    options = {"max_cosine_distance": 0.02, "rule": rule}
    table = curate.score(digits_round.embedding, "duplicate", options=options, output=tmp_path / "s")
    n_groups, group = table.header.summary["n_groups"], table["duplicate_group"]
    assert len(set(group.tolist())) == n_groups < len(table)
    kept = curate.select(table, "top", keep=n_groups, output=tmp_path / "m").selected(0).indices
    assert len(set(group[kept].tolist())) == n_groups


@pytest.mark.parametrize("rule", ["chains", "pairs"])
def test_within_clusters_only_their_own_samples_are_compared(rule, tmp_path, monkeypatch):
    """Each cluster by itself gives what a file of its samples alone gives."""
    chance = np.random.default_rng(3)
    centres = np.eye(8, dtype=np.float32)[:4] * 5
    vectors = (centres[np.arange(200) % 4] + chance.normal(size=(200, 8)) * 0.6).astype(np.float32)
    vectors[100:130] = vectors[:30] * 1.01
    np.save(tmp_path / "v.npy", vectors)
    embedding = curate.open_embedding(tmp_path / "v.npy")
    how = {"rule": rule, "within": "clusters", "k": 4, "max_cosine_distance": 0.03}
    found = finder.make("scorers", "duplicate", how).from_embedding(embedding, LOGGED)
    cluster = curate.cluster(embedding, 4, spherical=True, output=tmp_path / "c.parquet")["cluster"]
    for number in range(4):
        rows = np.flatnonzero(cluster == number)
        np.save(tmp_path / "one.npy", vectors[rows])
        alone = curate.open_embedding(tmp_path / "one.npy")
        how = {"rule": rule, "within": "all", "k": 1, "max_cosine_distance": 0.03}
        expected = finder.make("scorers", "duplicate", how).from_embedding(alone, LOGGED)
        assert np.allclose(found["duplicate"][rows], expected["duplicate"], atol=1e-6)
        assert (rows[expected["duplicate_group"]] == found["duplicate_group"][rows]).all()
    assert len(np.unique(found["duplicate_group"])) < 190


def test_many_samples_are_compared_within_clusters_and_it_is_said(tmp_path, monkeypatch, caplog):
    from curate.scores.scorers import duplicate

    monkeypatch.setattr(duplicate, "_MOST_FOR_ALL", 50)
    np.save(tmp_path / "v.npy", np.random.default_rng(0).normal(size=(60, 4)).astype(np.float32))
    curate.score(tmp_path / "v.npy", "duplicate", output=tmp_path / "s.parquet")
    assert "60 samples: near-duplicates are looked for within each of 8 clusters" in caplog.text
