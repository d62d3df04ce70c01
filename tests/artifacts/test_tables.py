"""Tables: what is written is read, damage is noticed, columns are named and known."""

import dataclasses

import numpy as np
import pytest
from helpers.tables import score_table

from curate.artifacts.header import RankingColumn
from curate.artifacts.tables import open_table
from curate.errors import CurateError, DamagedError


@pytest.mark.parametrize(("hard_is", "sign"), [("high", 1), ("low", -1)])
def test_a_table_says_how_many_samples_were_not_learned(tmp_path, hard_is, sign):
    table = score_table(tmp_path / "s", hard_is, score=[sign * value for value in (0.5, 3, 1, 2, 4, 0)])
    assert table.n_unlearned("score") is None
    given = {"score": RankingColumn(hard_is, unlearned_beyond=sign * 2.0)}
    table = dataclasses.replace(table, header=dataclasses.replace(table.header, columns=given))
    assert table.n_unlearned("score") == 2  # 2.0 itself was learned


def test_one_flipped_byte_anywhere_in_a_table_is_noticed(digits_round, tmp_path):
    good = digits_round.table.read_bytes()
    path = tmp_path / "t.parquet"
    for place in np.linspace(0, len(good) - 1, 200).astype(int):
        path.write_bytes(good[:place] + bytes([good[place] ^ 4]) + good[place + 1 :])
        with pytest.raises(CurateError):
            open_table(path)


def test_a_truncated_table_is_damaged(digits_round, tmp_path):
    (tmp_path / "t.parquet").write_bytes(digits_round.table.read_bytes()[:-100])
    with pytest.raises(DamagedError, match="not a readable table"):
        open_table(tmp_path / "t.parquet")


def test_a_table_names_the_nearest_column(digits_round):
    with pytest.raises(CurateError, match=r"no column 'distence': did you mean distance\?"):
        open_table(digits_round.table)["distence"]


def test_a_table_is_a_polars_frame(digits_round):
    frame = open_table(digits_round.table).frame()
    assert frame.columns == ["index", "row", "uid", "label", "cluster", "distance"]
    assert frame.height == 1443
