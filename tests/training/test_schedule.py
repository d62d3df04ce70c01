"""What schedules share: they stay between nothing and the full rate, and half a cosine."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate import finder
from curate.training.schedule import half_cosine, schedule


@given(st.floats(0, 1), st.sampled_from(finder.names("schedules")))
def test_schedules_stay_between_zero_and_the_full_rate(fraction, name):
    assert 0 <= schedule(name)(fraction) <= 1 + 1e-12


def test_half_a_cosine_ends_at_zero_and_stays_there():
    points = {0: 1, 1 / 3: 0.75, 0.5: 0.5, 2 / 3: 0.25, 1: 0, 1.5: 0}
    for fraction, factor in points.items():
        assert half_cosine(fraction) == pytest.approx(factor, abs=1e-12)
