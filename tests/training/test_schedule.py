"""Schedules: the rate at every moment, by hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate import finder
from curate.training.schedule import schedule


@given(st.floats(0, 1), st.sampled_from(finder.names("schedules")))
def test_schedules_stay_between_zero_and_the_full_rate(fraction, name):
    assert 0 <= schedule(name)(fraction) <= 1 + 1e-12


@pytest.mark.parametrize(
    ("name", "points"),
    [
        ("constant", {0: 1, 0.5: 1, 1: 1}),
        ("cosine", {0: 1, 0.5: 0.5, 1: 0}),
        ("multistep", {0: 1, 0.29: 1, 0.3: 0.2, 0.6: 0.04, 0.8: 0.008}),
        ("onecycle", {0: 0.04, 0.3: 1, 0.15: 0.52, 1: 1e-4}),
    ],
)
def test_schedules_by_hand(name, points):
    for fraction, factor in points.items():
        assert schedule(name)(fraction) == pytest.approx(factor, abs=1e-9)
