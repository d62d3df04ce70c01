"""cosine: the rate at some moments, by hand."""

import pytest

from curate.training.schedule import schedule


@pytest.mark.parametrize(
    ("name", "points"), [pytest.param("cosine", {0: 1, 0.5: 0.5, 1: 0}, id="cosine-points1")]
)
def test_schedules_by_hand(name, points):
    for fraction, factor in points.items():
        assert schedule(name)(fraction) == pytest.approx(factor, abs=1e-9)
