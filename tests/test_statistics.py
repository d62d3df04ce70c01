"""Shares of n as counts, by hand; means, spreads and paired differences, against SciPy."""

from fractions import Fraction

import numpy as np
import pytest
from scipy import stats

from curate.statistics import (
    centred_ranks,
    correlation,
    holm,
    interpolated,
    paired_difference,
    part_of,
    spread,
)


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


def test_holm_goes_on_as_long_as_each_is_clear_among_those_left():
    # 0.01 < 0.05/4, 0.013 < 0.05/3, 0.03 > 0.05/2: the last two are not clear, though 0.04 < 0.05 alone.
    assert holm([0.013, 0.04, 0.01, 0.03]) == [True, False, True, False]
    assert holm([0.04]) == [True]
    assert holm([0.04, None]) == [True, False]
    assert holm([]) == []
    assert holm([0.04, 0.04]) == [False, False]


def test_a_p_value_is_that_of_scipy_and_of_differences_that_never_vary():
    ours, theirs = [0.9, 0.95, 0.93, 0.99], [0.91, 0.93, 0.9, 0.95]
    assert paired_difference(ours, theirs).p_value == pytest.approx(stats.ttest_rel(ours, theirs).pvalue)
    assert paired_difference([2.0, 3.0], [1.0, 2.0]).p_value == 0.0
    assert paired_difference([1.0, 2.0], [1.0, 2.0]).p_value == 1.0
    assert paired_difference([1.0], [2.0]).p_value is None


def test_a_line_through_points_is_read_between_them_and_nowhere_else():
    points = [(3.0, 10.0), (1.0, 0.0), (2.0, 4.0)]
    assert interpolated(1.5, points) == 2.0
    assert interpolated(2.0, points) == 4.0
    assert interpolated(3.0, points) == 10.0
    assert interpolated(3.1, points) is None
    assert interpolated(0.9, points) is None
    assert interpolated(1.0, [(1.0, 5.0)]) is None
    assert interpolated(1.0, []) is None


def test_ranks_share_their_mean_and_are_centred():
    assert centred_ranks(np.array([3.0, 1.0, 3.0, np.inf])).tolist() == [0.0, -1.5, 0.0, 1.5]
    assert correlation(centred_ranks(np.arange(3.0)), centred_ranks(-np.arange(3.0))) == -1
    assert correlation(np.zeros(3), centred_ranks(np.arange(3.0))) is None
