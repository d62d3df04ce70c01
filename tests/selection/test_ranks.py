"""The only process hears itself."""

import numpy as np

from curate.world import ALONE


def test_alone():
    told = ALONE.gather([np.arange(3), np.ones(1)])
    assert [[one.tolist() for one in part] for part in told] == [[[0, 1, 2], [1.0]]]
    assert (ALONE.rank, ALONE.size) == (0, 1)
