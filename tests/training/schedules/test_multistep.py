"""multistep: the rate around its milestones, by hand."""

import pytest

from curate.training.schedule import schedule


@pytest.mark.parametrize(
    ("name", "points"),
    [pytest.param("multistep", {0: 1, 0.29: 1, 0.3: 0.2, 0.6: 0.04, 0.8: 0.008}, id="multistep-points2")],
)
def test_schedules_by_hand(name, points):
    for fraction, factor in points.items():
        assert schedule(name)(fraction) == pytest.approx(factor, abs=1e-9)
