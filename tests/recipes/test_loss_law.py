"""What a policy loses: laws are found again where they hold, with an interval that the trials give it."""

from dataclasses import replace

import numpy as np
import pytest
from helpers.pilots import CURVE, EARLY, FULL, GREEDY, RANDOM, SHORT, greedy, trials, uniform
from helpers.results import ROW
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.recipes.advise import PILOT_KEEPS
from curate.recipes.loss_law import Curve, Law, fit, foresee, share_of


@settings(deadline=None)  # the first fit imports its library
@given(st.floats(0.0, 0.2), st.floats(0.01, 0.3), st.floats(0.2, 2.5))
def test_a_curve_is_found_again_from_the_errors_it_gives(floor, c, b):
    curve = Curve(floor, c, b)
    found = fit({SHORT * keep: curve.error(SHORT * keep) for keep in (*PILOT_KEEPS, 1.0)})
    for presentations in (2, 5, 20, 40):
        assert found.error(presentations) == pytest.approx(curve.error(presentations), rel=0.02)


@given(st.lists(st.floats(0.001, 0.9), min_size=5, max_size=5))
def test_no_curve_grows_or_falls_below_its_floor(errors):
    found = fit(dict(zip((1, 2, 4, 8, 10), errors, strict=True)))
    reached = [found.error(presentations) for presentations in (1, 3, 9, 27, 81)]
    assert reached == sorted(reached, reverse=True)
    assert 0 <= found.floor <= reached[-1]


def test_less_training_loses_what_the_curve_says_of_its_presentations():
    foreseen = foresee([*FULL, *RANDOM, *EARLY], 2 * SHORT)
    for name in ("random", "early stop"):
        for keep in (0.1, 0.3, 0.9):
            expected = CURVE.error(2 * SHORT * keep) - CURVE.error(2 * SHORT)
            assert foreseen[name].interval(keep) == pytest.approx((expected,) * 3, rel=0.02, abs=1e-5)
        assert foreseen[name].interval(1.0) == (0, 0, 0)


def test_a_policy_is_a_multiple_of_uniform_draws_by_its_share_and_by_its_presentations():
    # Half the uniform error at keep 0.1, all of it at 1; a line on logarithms between.
    law = Law(CURVE, {0.1: 0.5}, 10, 20)
    error, full = CURVE.error(2), CURVE.error(20)
    of_double = 0.5 ** (np.log(0.2) / np.log(0.1))
    by_share, by_presentations = law.losses(np.array([0.1, 0.6, 0.05, 1.0]))
    assert by_share[0] == pytest.approx(0.5 * error - full)
    assert by_presentations[0] == pytest.approx(of_double * error - full)
    # From half the share on, a run twice as long presents as often as the pilot did with everything.
    assert by_presentations[1] == pytest.approx(CURVE.error(12) - full)
    # What the pilot did not try counts as the least that it tried.
    assert by_share[2] == pytest.approx(0.5 * CURVE.error(1) - full)
    assert by_share[3] == by_presentations[3] == pytest.approx(0)


def test_the_interval_of_a_policy_spans_both_readings():
    low, mean, high = foresee([*FULL, *RANDOM, *GREEDY], 2 * SHORT)["epsilon-greedy"].interval(0.2)
    error, full = CURVE.error(8), CURVE.error(40)
    assert low == pytest.approx(0.2**0.2 * error - full, abs=2e-4)
    assert high == pytest.approx(0.4**0.2 * error - full, abs=2e-4)
    assert mean == pytest.approx((low + high) / 2)


def test_at_the_length_of_the_pilot_a_policy_loses_what_it_lost_there():
    found = foresee([*FULL, *RANDOM, *GREEDY], SHORT)["epsilon-greedy"]
    for keep in PILOT_KEEPS:
        assert found.interval(keep)[1] == pytest.approx(greedy(keep) - uniform(1), abs=2e-4)


def test_an_interval_widens_with_the_spread_of_the_trials():
    exact = foresee([*FULL, *RANDOM], 2 * SHORT)["random"].interval(0.3)
    assert exact[2] - exact[0] < 1e-9
    noisy = trials("random", "random", uniform, seconds=lambda keep: 1, noise=0.05)
    low, mean, high = foresee([*FULL, *noisy], 2 * SHORT)["random"].interval(0.3)
    assert low < mean < high
    assert high - low > 0.001
    again = foresee([*FULL, *noisy], 2 * SHORT)["random"].interval(0.3)
    assert again == (low, mean, high)


def test_trials_without_a_single_error_still_have_a_law():
    faultless = trials("random", "random", lambda keep: 0.0, seconds=lambda keep: 1)
    full = trials("full", "full", lambda keep: 0.0, seconds=lambda keep: 1, keeps=(1.0,))
    assert foresee([*full, *faultless], 2 * SHORT)["random"].interval(0.3) == pytest.approx(
        (0, 0, 0), abs=1e-6
    )


def test_a_count_of_samples_is_the_share_that_it_is():
    assert share_of(replace(ROW, varied='{"keep": 250}', n=1000)) == 0.25
    assert share_of(replace(ROW, varied='{"keep": "0.3"}', n=1000)) == 0.3
