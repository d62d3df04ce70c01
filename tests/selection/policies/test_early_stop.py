"""early-stop: exactly the presentations it is allowed, the last part by chance."""

import pytest
from helpers.policy_examples import ask, make, selections


@pytest.mark.parametrize(
    ("allowed", "sizes"), [(15, [6, 6, 3]), (12, [6, 6]), (13, [6, 6, 1]), (4, [4]), (6, [6])]
)
def test_early_stop_ends_with_exactly_its_presentations(allowed, sizes):
    plans = list(ask(make("early-stop"), n_checkpoints=len(sizes), allowed=allowed))
    assert [len(plan.selected.indices) for plan in plans] == sizes
    assert sum(sizes) == allowed


def test_early_stop_draws_its_last_part_at_random():
    lasts = {tuple(selections(ask(make("early-stop"), allowed=15, seed=seed))[2]) for seed in range(40)}
    assert len(lasts) > 10  # of the 20 there are
