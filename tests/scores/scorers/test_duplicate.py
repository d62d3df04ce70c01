"""duplicate: samples that are nearly the same are one group, and one of them stays."""

import numpy as np

import curate
from curate import finder
from curate.scores.scorer import EmbeddingScorer


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
    monkeypatch.setattr("curate.vectors.neighbours._SEARCH_ROWS", 2)
    angles = np.linspace(0, 1.5, 31)
    vectors = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    vectors = np.concatenate([vectors, -vectors[:1]])
    np.save(tmp_path / "v.npy", vectors)
    table = curate.score(tmp_path / "v.npy", "duplicate", output=tmp_path / "s")
    assert table["duplicate_group"].tolist() == [0] * 31 + [31]
    scorer: EmbeddingScorer = finder.make("scorers", "duplicate", {"max_cosine_distance": 0.001})
    result = scorer.from_embedding(curate.open_embedding(tmp_path / "v.npy"), curate.verbs.score.SILENT)
    assert len(set(result["duplicate_group"].tolist())) == 32
