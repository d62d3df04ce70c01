"""moderate: needs classes."""

import pytest
from helpers.ordering import order_of
from helpers.tables import score_table

from curate.errors import CurateError


def test_moderate_needs_labels(tmp_path):
    table = score_table(tmp_path / "s", "high", el2n=[1.0, 2.0])
    with pytest.raises(CurateError, match="has no labels, and moderate needs classes"):
        order_of("moderate", table)
