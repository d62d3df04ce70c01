"""prototypicality: how far a sample lies from the middle of its cluster."""

import numpy as np
from helpers.commands import Noted
from helpers.scored_digits import ranks

import curate
from curate.artifacts.header import RankingColumn


def test_prototypicality_is_the_distance_of_the_clusters(digits_round, tmp_path):
    table = curate.score(digits_round.table, "prototypicality", output=tmp_path / "s")
    assert (table["prototypicality"] == curate.open_table(digits_round.table)["distance"]).all()
    assert ranks(table) == {"prototypicality": RankingColumn("high")}
    assert "cluster" in table.columns


def test_from_an_embedding_it_is_cosine_and_clusters_directions(digits_round, tmp_path):
    """The same as clustering spherically first; of vectors of any length."""
    options = {"k": "12", "seed": "3"}
    table = curate.score(digits_round.embedding, "prototypicality", options=options, output=tmp_path / "s")
    clusters = curate.cluster(digits_round.embedding, 12, spherical=True, seed=3, output=tmp_path / "c")
    np.testing.assert_allclose(table["prototypicality"], clusters["distance"], atol=1e-6)
    assert (table["cluster"] == clusters["cluster"]).all()
    assert table["prototypicality"].max() < 2
    usual = curate.score(digits_round.embedding, "prototypicality", output=tmp_path / "usual")
    assert usual["cluster"].max() == 11  # one per 120 samples of 1,443


def test_clusters_of_euclidean_distances_are_taken_and_said(digits_round, tmp_path):
    plain, cosine = Noted(), Noted()
    curate.score(digits_round.table, "prototypicality", output=tmp_path / "s", progress=plain)
    (note,) = plain.notes
    assert "has Euclidean distances, and prototypicality is cosine" in note
    assert "cluster with --spherical" in note
    clusters = curate.cluster(digits_round.embedding, 12, spherical=True, output=tmp_path / "c")
    curate.score(clusters.path, "prototypicality", output=tmp_path / "t", progress=cosine)
    assert cosine.notes == []
