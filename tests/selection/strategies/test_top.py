"""top: the hard side first, whatever side that is."""

import dataclasses

import pytest
from helpers.tables import clusters_table

from curate import finder
from curate.artifacts.header import RankingColumn
from curate.errors import CurateError
from curate.rng import rng


def test_top_takes_the_hard_side_whatever_side_that_is(tmp_path):
    table = clusters_table(tmp_path / "t", [0, 0, 1, 1], [0.3, 0.1, 0.4, 0.2])
    assert finder.make("strategies", "top")(table, rng(0, "s")).tolist() == [2, 0, 3, 1]
    turned = {"distance": RankingColumn("low")}
    table = dataclasses.replace(table, header=dataclasses.replace(table.header, columns=turned))
    assert finder.make("strategies", "top")(table, rng(0, "s")).tolist() == [1, 3, 0, 2]


def test_top_names_the_columns_there_are(tmp_path):
    table = clusters_table(tmp_path / "t", [0, 0], [0.3, 0.1])
    with pytest.raises(CurateError, match=r"no column 'distanse': did you mean distance\?"):
        finder.make("strategies", "top", {"column": "distanse"})(table, rng(0, "s"))
    with pytest.raises(CurateError, match="column 'cluster' does not rank"):
        finder.make("strategies", "top", {"column": "cluster"})(table, rng(0, "s"))
