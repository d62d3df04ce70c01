"""uncertainty, against an example worked by hand over three checkpoints."""

from helpers.policy_examples import LOSSES, ask, assert_remembers, make, selections


def test_uncertainty_takes_the_highest_losses_of_now():
    plans = list(ask(make("uncertainty"), LOSSES))
    # epoch 0: 3.0, 2.5, 2.0; epoch 1: 3.0, 2.5, 2.0; epoch 2: 3.5, 1.5, 1.0
    assert selections(plans) == [[1, 2, 4], [0, 3, 4], [0, 1, 5]]
    assert_remembers(plans, "loss_mean", LOSSES)
