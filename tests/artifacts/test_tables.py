"""Tables: what is written is read, damage is noticed, columns are named and known."""

import pytest
from helpers.tables import score_table


@pytest.mark.parametrize(("hard_is", "sign"), [("high", 1), ("low", -1)])
def test_a_table_says_how_many_samples_were_not_learned(tmp_path, hard_is, sign):
    table = score_table(tmp_path / "s", hard_is, score=[sign * value for value in (0.5, 3, 1, 2, 4, 0)])
    assert table.n_unlearned("score") is None
    table.header["columns"]["score"]["unlearned_beyond"] = sign * 2.0
    assert table.n_unlearned("score") == 2  # 2.0 itself was learned
