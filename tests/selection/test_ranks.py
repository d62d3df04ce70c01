"""The only process hears itself."""

import numpy as np

from curate.selection.ranks import Alone


def test_alone():
    told = Alone().gather([np.arange(3), np.ones(1)])
    assert [[one.tolist() for one in part] for part in told] == [[[0, 1, 2], [1.0]]]
    assert (Alone().rank, Alone().size) == (0, 1)
