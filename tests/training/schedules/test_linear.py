"""linear: the rate on its way up, at its top and on its way down, by hand."""

import pytest

from curate.training.schedule import schedule


@pytest.mark.parametrize(
    ("fraction", "factor"),
    [(0, 0), (0.05, 0.25), (0.1, 0.5), (0.2, 1), (0.4, 0.75), (0.6, 0.5), (0.9, 0.125), (1, 0)],
)
def test_up_in_a_fifth_of_the_run_and_down_in_the_rest(fraction, factor):
    assert schedule("linear")(fraction) == pytest.approx(factor, abs=1e-12)


def test_it_is_never_below_zero():
    assert schedule("linear")(1 + 1e-9) == 0
