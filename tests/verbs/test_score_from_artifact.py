"""Scores from clusters or from an embedding: what tables hold and remember, and what cannot be scored so."""

import numpy as np
import pytest
from helpers.tables import clusters_table

import curate
from curate.artifacts.header import RankingColumn
from curate.errors import CurateError
from curate.vectors.opening import open_embedding


def test_scores_of_clusters_keep_all_columns_and_remember_their_table(tmp_path):
    clusters = clusters_table(
        tmp_path / "c.parquet", [1, 0, 1], [0.5, 0.25, 2], uid=[7, 8, 9], label=[0, 1, 1], seal=True
    )
    made = curate.score(clusters.path, "prototypicality", output=tmp_path / "s")
    table = curate.open_table(made.path)
    assert table["prototypicality"].tolist() == [0.5, 0.25, 2]
    assert {name: table[name].tolist() for name in clusters.columns} == {
        "index": [0, 1, 2],
        "uid": [7, 8, 9],
        "label": [0, 1, 1],
        "cluster": [1, 0, 1],
        "distance": [0.5, 0.25, 2],
    }
    assert table.header.kind == "scores"
    assert table.header.parents == {"clusters": clusters.header.sha256}
    assert table.header.dataset == clusters.header.dataset
    assert table.header.columns == {"prototypicality": RankingColumn("high")}
    assert table.header.cost.samples_seen == 0
    assert table.header.options["method"] == "prototypicality"


def test_scores_of_an_embedding_have_its_samples_and_remember_its_options(tmp_path):
    """Two directions of which the second is there three times, at any length."""
    np.save(tmp_path / "v.npy", np.array([[3, 0], [0, 1], [0, 2], [0, 9]], np.float32))
    made = curate.score(
        tmp_path / "v.npy", "duplicate", options={"max_cosine_distance": "0.02"}, output=tmp_path / "s"
    )
    table = curate.open_table(made.path)
    embedding = open_embedding(tmp_path / "v.npy")
    assert table["index"].tolist() == [0, 1, 2, 3]
    assert (table["uid"] == embedding.uids).all()
    assert table["duplicate_group"].tolist() == [0, 1, 1, 1]
    assert "label" not in table.columns
    assert list(table.header.columns) == ["duplicate"]
    assert table.header.parents == {"embedding": embedding.header.sha256}
    options = {"max_cosine_distance": 0.02, "rule": "chains", "k": 0, "seed": 0, "within": "auto"}
    assert table.header.options["method_options"] == {"duplicate": options}


@pytest.mark.parametrize(
    ("method", "wanted"),
    [
        ("prototypicality", r"a table of clusters \(`curate cluster`\) or an embedding \(`curate embed`\)"),
        ("class_distance", r"an embedding \(`curate embed`\)"),
        ("duplicate", r"an embedding \(`curate embed`\)"),
    ],
)
def test_what_is_no_file_is_answered_with_what_to_make_first(method, wanted, tmp_path):
    data = curate.open_dataset("digits").take(np.arange(3))
    for source, named in ((data, "digits"), (None, "nothing"), (tmp_path / "none", f"{tmp_path}/none")):
        with pytest.raises(
            CurateError, match=f"{method} is made from {wanted}, and {named} is none: make one"
        ):
            curate.score(source, method, output=tmp_path / "s")
    assert list(tmp_path.iterdir()) == []


def test_another_kind_of_artifact_is_refused(digits_round, tmp_path):
    duplicates = curate.score(digits_round.embedding, "duplicate", output=tmp_path / "duplicates")
    with pytest.raises(CurateError, match="holds scores, not clusters"):
        curate.score(duplicates.path, "prototypicality", output=tmp_path / "s")
    duplicates.path.unlink()
    with pytest.raises(
        CurateError, match=r"duplicate is made from an embedding .* is a table: score that instead"
    ):
        curate.score(digits_round.table, "duplicate", output=tmp_path / "s")
    assert list(tmp_path.iterdir()) == []
