"""The order of an epoch: it follows from seed and epoch, and a part keeps the order of the whole."""

import numpy as np
import pytest

from curate.errors import CurateError
from curate.manifests.order import order_of


def test_a_part_keeps_the_order_of_the_whole():
    whole = order_of(np.arange(50), 50, 7, 3).tolist()
    assert sorted(whole) == list(range(50))
    assert order_of(np.array([2, 3, 5, 40]), 50, 7, 3).tolist() == [i for i in whole if i in {2, 3, 5, 40}]


def test_every_epoch_and_every_seed_has_an_order_of_its_own():
    orders = {tuple(order_of(np.arange(50), 50, seed, epoch)) for seed in range(3) for epoch in range(3)}
    assert len(orders) == 9


def test_nothing_has_no_order():
    with pytest.raises(CurateError, match="nothing is selected in epoch 4: keep at least one sample"):
        order_of(np.array([], np.int64), 50, 0, 4)
