"""ucb: the mean of a loss and its variance, against examples worked by hand."""

from helpers.policy_examples import LOSSES, MEANS, VARIANCES, ask, assert_remembers, make, selections


def test_ucb_adds_the_variance_not_its_root():
    plans = list(ask(make("ucb"), LOSSES))
    # m + v, epoch 1: 2.6, 3.6, 4.6, 7.5, 2.5, 1.5. With the root of v it would be 0, 2, 3.
    # m + v, epoch 2: 1.792, 11.208, 1.968, 6.5, 3.268, 1.172
    assert selections(plans) == [[1, 2, 4], [1, 2, 3], [1, 3, 4]]
    assert_remembers(plans, "loss_mean", MEANS)
    assert_remembers(plans, "loss_variance", VARIANCES)


def test_ucb_weighs_the_variance_by_its_confidence():
    # m + v/2, epoch 1: 2.2, 2.0, 3.0, 5.0, 2.5, 1.1; epoch 2: 1.676, 7.044, 1.324, 3.5, 2.244, 1.056
    plans = list(ask(make("ucb", confidence=0.5), LOSSES))
    assert selections(plans) == [[1, 2, 4], [2, 3, 4], [1, 3, 4]]
    assert_remembers(plans, "loss_variance", VARIANCES)
    assert selections(ask(make("ucb", confidence=0.0), LOSSES)) == [[1, 2, 4], [0, 3, 4], [0, 1, 4]]
