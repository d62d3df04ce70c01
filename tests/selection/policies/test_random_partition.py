"""random-partition: nobody twice before all were seen once."""

import numpy as np
from helpers.policy_examples import UIDS, ask, make, selections
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.rng import rng
from curate.selection.policy import View


def test_random_partition_waits_until_all_are_seen():
    """Five samples, two at a time: 2, 2, then the last of this round with the first of the next."""
    for seed in range(20):
        plans = list(ask(make("random-partition"), k=2, uids=range(5), n_checkpoints=3, seed=seed))
        one, two, three = (set(chosen) for chosen in selections(plans))
        assert len(one) == len(two) == len(three) == 2
        assert not one & two
        (last,) = set(range(5)) - one - two
        assert last in three
        (first_of_next,) = three - {last}
        waits = [set(np.flatnonzero(plan.memory["waits"]).tolist()) for plan in plans]
        assert waits == [set(range(5)) - one, {last}, set(range(5)) - {first_of_next}]


@given(st.integers(1, 30), st.data())
@settings(deadline=None, max_examples=60)
def test_random_partition_presents_all_equally_often_give_or_take_one(n, data):
    k = data.draw(st.integers(1, n))
    n_epochs = data.draw(st.integers(1, 25))
    counts = np.zeros(n, int)
    for plan in ask(make("random-partition"), k=k, uids=range(n), n_checkpoints=n_epochs, seed=n_epochs):
        assert len(plan.selected.indices) == k
        counts[plan.selected.indices] += 1
        assert counts.max() - counts.min() <= 1
    assert counts.sum() == k * n_epochs


def test_random_partition_does_not_change_the_memory_it_is_given():
    waits = np.array([True, False, True, True, False, True])
    before = waits.copy()
    view = View(1, 3, np.arange(6), np.array(UIDS, np.uint64), 2, rng(0, "x"), lambda: None, {"waits": waits})
    make("random-partition").plan(view)
    assert (waits == before).all()
