"""ema: moving averages of losses, against examples worked by hand."""

from helpers.policy_examples import LOSSES, MEANS, ask, assert_remembers, make, selections


def test_ema_forgets_by_alpha():
    plans = list(ask(make("ema"), LOSSES))
    # epoch 1: 2.5, 2.5, 1.8; epoch 2: 2.88, 1.56 and 1.22 of sample 4, whose loss alone would be too low
    assert selections(plans) == [[1, 2, 4], [0, 3, 4], [0, 1, 4]]
    assert_remembers(plans, "loss_mean", MEANS)
    assert set(plans[-1].memory) == {"loss_mean"}


def test_ema_with_another_alpha():
    plans = list(ask(make("ema", alpha=0.5), LOSSES))
    # m <- (u + m) / 2
    one = [1.5, 1.0, 2.0, 1.75, 2.5, 1.0]
    two = [1.5, 2.25, 1.25, 0.875, 1.7, 1.0]
    assert_remembers(plans, "loss_mean", [LOSSES[0], one, two])
    assert selections(plans) == [[1, 2, 4], [2, 3, 4], [0, 1, 4]]


def test_ema_of_alpha_one_is_uncertainty_and_of_alpha_zero_never_learns():
    assert selections(ask(make("ema", alpha=1.0), LOSSES)) == [[1, 2, 4], [0, 3, 4], [0, 1, 5]]
    assert selections(ask(make("ema", alpha=0.0), LOSSES)) == [[1, 2, 4]] * 3
