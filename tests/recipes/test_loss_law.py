"""The law of what a policy loses: found again where it holds, with an interval that the trials give it."""

from dataclasses import replace

import pytest
from helpers.pilots import FULL, LAW, RANDOM, trials
from helpers.results import ROW
from hypothesis import given
from hypothesis import strategies as st

from curate.recipes.advise import PILOT_KEEPS
from curate.recipes.loss_law import Law, fit, fitted, losses_of, share_of


@given(st.floats(0.001, 0.2), st.floats(0.2, 3.0))
def test_a_law_is_found_again_from_the_losses_it_gives(a, b):
    law = Law(a, b)
    found = fit({keep: [law.loss(keep)] * 3 for keep in PILOT_KEEPS})
    assert (found.a, found.b) == (pytest.approx(a), pytest.approx(b))
    assert law.loss(law.keep(0.01)) == pytest.approx(0.01)
    assert law.loss(1) == 0.0


def test_where_nothing_is_lost_the_law_says_so():
    law = fit({0.1: [0.0], 0.5: [-0.01]})
    assert law.loss(0.3) == 0.0
    assert law.keep(0.01) == 0.0


def test_losses_are_paired_by_seed():
    full = {row.seed: row for row in FULL}
    losses = losses_of(RANDOM, full)
    assert list(losses) == list(PILOT_KEEPS)
    for keep, each in losses.items():
        assert each == pytest.approx([LAW.loss(keep)] * 3)


def test_an_interval_widens_with_the_spread_of_the_trials():
    full = {row.seed: row for row in FULL}
    exact = fitted(losses_of(RANDOM, full), "random").interval(0.3)
    assert exact == pytest.approx((LAW.loss(0.3),) * 3)
    noisy = trials("random", "random", LAW.loss, seconds=lambda keep: 1, noise=0.002)
    low, mean, high = fitted(losses_of(noisy, full), "random").interval(0.3)
    assert low < mean < high
    assert high - low > 0.0005


def test_a_count_of_samples_is_the_share_that_it_is():
    assert share_of(replace(ROW, varied='{"keep": 250}', n=1000)) == 0.25
    assert share_of(replace(ROW, varied='{"keep": "0.3"}', n=1000)) == 0.3
