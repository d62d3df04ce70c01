"""Means, spreads and paired differences, against SciPy."""

import numpy as np
import pytest
from scipy import stats

from curate.statistics import paired_difference, spread


def test_statistics_equal_scipy():
    ours, theirs = [0.9, 0.92, 0.95, 0.91], [0.88, 0.93, 0.9, 0.9]
    found = paired_difference(ours, theirs)
    interval = stats.ttest_rel(ours, theirs).confidence_interval(0.95)
    assert found.mean == pytest.approx(np.mean(ours) - np.mean(theirs))
    assert (found.low, found.high) == (pytest.approx(interval.low), pytest.approx(interval.high))
    assert spread(ours).std == pytest.approx(np.std(ours, ddof=1))
    assert spread([1.0]).std is None
    assert paired_difference([1.0], [0.5]).low is None
