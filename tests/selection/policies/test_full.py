"""full: everything that is there, in every epoch."""

from helpers.policy_examples import ask, make, selections


def test_full_takes_everything_and_remembers_nothing():
    plans = list(ask(make("full"), available=[0, 2, 3, 5]))
    assert selections(plans) == [[0, 2, 3, 5]] * 3
    assert all(plan.memory == {} for plan in plans)
