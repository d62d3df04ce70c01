"""prototypicality: how far a sample lies from the middle of its cluster."""

from helpers.scored_digits import ranks

import curate
from curate.artifacts.header import RankingColumn


def test_prototypicality_is_the_distance_of_the_clusters(digits_round, tmp_path):
    table = curate.score(digits_round.table, "prototypicality", output=tmp_path / "s")
    assert (table["prototypicality"] == curate.open_table(digits_round.table)["distance"]).all()
    assert ranks(table) == {"prototypicality": RankingColumn("high")}
    assert "cluster" in table.columns
