"""Shares of n as counts, by hand; means, spreads and paired differences, against SciPy."""

from fractions import Fraction

import numpy as np
import pytest
from scipy import stats

from curate.statistics import paired_difference, part_of, spread


def test_statistics_equal_scipy():
    ours, theirs = [0.9, 0.92, 0.95, 0.91], [0.88, 0.93, 0.9, 0.9]
    result = paired_difference(ours, theirs)
    interval = stats.ttest_rel(ours, theirs).confidence_interval(0.95)
    assert result.mean == pytest.approx(np.mean(ours) - np.mean(theirs))
    assert (result.low, result.high) == (pytest.approx(interval.low), pytest.approx(interval.high))
    assert spread(ours).std == pytest.approx(np.std(ours, ddof=1))
    assert spread([1.0]).std is None
    assert paired_difference([1.0], [0.5]).low is None


@pytest.mark.parametrize(
    ("share", "n", "nearest", "up"),
    [
        (0.5, 5, 3, 3),
        (0.1, 15, 2, 2),  # a half: up
        (0.1, 14, 1, 2),
        (0.55, 100, 55, 55),  # 0.55 * 100 is 55.00000000000001
        (0.29, 100, 29, 29),  # 0.29 * 100 is 28.999999999999996
        ("1/3", 10, 3, 4),
        (Fraction(2, 3), 3, 2, 2),
        (0, 7, 0, 0),
        (1, 7, 7, 7),
    ],
)
def test_a_share_of_n_is_that_of_the_decimal_that_was_written(share, n, nearest, up):
    assert part_of(share, n) == nearest
    assert part_of(share, n, up=True) == up
