"""onecycle: the rate at its ends and in between, by hand."""

import pytest

from curate.training.schedule import schedule


@pytest.mark.parametrize(
    ("name", "points"),
    [pytest.param("onecycle", {0: 0.04, 0.3: 1, 0.15: 0.52, 1: 1e-4}, id="onecycle-points3")],
)
def test_schedules_by_hand(name, points):
    for fraction, factor in points.items():
        assert schedule(name)(fraction) == pytest.approx(factor, abs=1e-9)
