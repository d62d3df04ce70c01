"""class-distance: how far a sample is from the middle of its class, by which Moderate-DS selects."""

import numpy as np
import pytest

import curate
from curate.artifacts.header import RankingColumn
from curate.errors import CurateError


def test_it_is_the_distance_to_the_median_of_the_class(digits_round, tmp_path):
    table = curate.score(digits_round.embedding, "class-distance", output=tmp_path / "s")
    embedding = curate.open_embedding(digits_round.embedding)
    vectors = embedding.read(0, embedding.n).astype(np.float64)
    for label in range(10):
        own = vectors[embedding.labels == label]
        expected = np.sqrt(((own - np.median(own, axis=0)) ** 2).sum(axis=1))
        np.testing.assert_allclose(table["class_distance"][embedding.labels == label], expected)
    assert table.header.columns == {"class_distance": RankingColumn("high")}


def test_vectors_without_labels_have_no_classes(tmp_path):
    np.save(tmp_path / "v.npy", np.eye(3, dtype=np.float32))
    with pytest.raises(CurateError, match="has no labels, and class-distance needs classes"):
        curate.score(tmp_path / "v.npy", "class-distance", output=tmp_path / "s")
    assert not (tmp_path / "s").exists()


def test_with_the_window_of_all_moderate_keeps_the_middle_of_the_one_ranking(digits_round, tmp_path):
    """As published: sorted by distance, the part from 0.5 - r/2 to 0.5 + r/2 of the samples."""
    table = curate.score(digits_round.embedding, "class-distance", output=tmp_path / "s")
    made = curate.select(table, "moderate", keep=0.3, options={"window": "all"}, output=tmp_path / "m")
    ranked = np.lexsort((table["uid"], table["class_distance"]))
    n, k = len(table), len(made.selected(0).indices)
    low = (n - k) // 2
    assert (n - k) % 2 == 0
    assert sorted(ranked[low : low + k]) == made.selected(0).indices.tolist()
