"""Policies that look at losses, against examples worked by hand, three checkpoints each."""

import numpy as np
import pytest
from helpers.policy_examples import LOSSES, MEANS, NAN, VARIANCES, ask, assert_remembers, make, selections
from helpers.tables import clusters_table


def test_uncertainty_takes_the_highest_losses_of_now():
    plans = list(ask(make("uncertainty"), LOSSES))
    # epoch 0: 3.0, 2.5, 2.0; epoch 1: 3.0, 2.5, 2.0; epoch 2: 3.5, 1.5, 1.0
    assert selections(plans) == [[1, 2, 4], [0, 3, 4], [0, 1, 5]]
    assert_remembers(plans, "loss_mean", LOSSES)


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


def test_epsilon_greedy_leaves_its_share_to_chance():
    # k = 3, epsilon = 0.34: one by chance. The best two by m: 2, 4; then 3, 4; then 1, 0.
    best = [{2, 4}, {3, 4}, {0, 1}]
    by_chance = [set(), set(), set()]
    for seed in range(60):
        plans = list(ask(make("epsilon-greedy", epsilon=0.34), LOSSES, seed=seed))
        assert_remembers(plans, "loss_mean", MEANS)
        for epoch, plan in enumerate(plans):
            chosen = set(plan.selected.indices.tolist())
            assert len(chosen) == 3
            assert best[epoch] < chosen
            by_chance[epoch] |= chosen - best[epoch]
    assert by_chance == [{0, 1, 3, 5}, {0, 1, 2, 5}, {2, 3, 4, 5}]


def test_epsilon_greedy_of_zero_is_ema_and_of_one_is_random():
    assert selections(ask(make("epsilon-greedy", epsilon=0.0), LOSSES)) == [[1, 2, 4], [0, 3, 4], [0, 1, 4]]
    counts = np.zeros(6)
    for seed in range(600):
        (plan,) = ask(make("epsilon-greedy", epsilon=1.0), LOSSES[:1], seed=seed)
        counts[plan.selected.indices] += 1
    np.testing.assert_allclose(counts / 600, 0.5, atol=0.09)  # 4.4 standard deviations


@pytest.mark.parametrize(
    ("epsilon", "k", "n_random"), [(0.1, 10, 1), (0.1, 40, 4), (0.25, 10, 3), (0.3, 11, 3), (0.0, 7, 0)]
)
@pytest.mark.parametrize("name", ["epsilon-greedy", "static-epsilon"])
def test_epsilon_counts_are_exact(name, epsilon, k, n_random, tmp_path):
    """Over many draws, the samples selected always are the best (1 - epsilon) k, and no others."""
    values = [float(value) for value in np.random.default_rng(3).permutation(60)]
    losses = options = None
    if name == "static-epsilon":
        clusters_table(tmp_path / "s.parquet", [0] * 60, values, seal=True)
        options = {"scores": str(tmp_path / "s.parquet")}
    else:
        losses = [values]
    policy = make(name, epsilon=epsilon, **(options or {}))
    counts = np.zeros(60, int)
    for seed in range(60):
        plan = next(ask(policy, losses, k=k, uids=range(60), n_checkpoints=1, seed=seed))
        assert len(plan.selected.indices) == k
        counts[plan.selected.indices] += 1
    best = np.argsort(values)[::-1][: k - n_random]
    assert sorted(np.flatnonzero(counts == 60)) == sorted(best)


def test_an_unobserved_loss_leaves_mean_and_variance_as_they_were():
    losses = [[1.0, 2.0, NAN, 3.0], [NAN, 0.0, NAN, 1.0], [NAN, NAN, 5.0, NAN]]
    # m, epoch 1: 1 as before; 0 + 0.4; unknown; 0.8 + 0.6. Epoch 2: sample 2 begins with its first loss.
    means = [[1.0, 2.0, NAN, 3.0], [1.0, 0.4, NAN, 1.4], [1.0, 0.4, 5.0, 1.4]]
    # v, epoch 1: 0.8 * (0 - 2)^2 and 0.8 * (1 - 3)^2; epoch 2: a first loss is no surprise
    variances = [[0.0] * 4, [0.0, 3.2, 0.0, 3.2], [0.0, 3.2, 0.0, 3.2]]
    ema = list(ask(make("ema"), losses, k=2, uids=range(4)))
    assert selections(ema) == [[2, 3], [2, 3], [2, 3]]
    assert_remembers(ema, "loss_mean", means)
    ucb = list(ask(make("ucb"), losses, k=2, uids=range(4)))
    # m + v, epoch 2: 1, 3.6, 5, 4.6
    assert selections(ucb) == [[2, 3], [2, 3], [2, 3]]
    assert_remembers(ucb, "loss_mean", means)
    assert_remembers(ucb, "loss_variance", variances)
    uncertainty = list(ask(make("uncertainty"), losses, k=2, uids=range(4)))
    # latest losses, epoch 1: 1, 0, unknown, 1 (the smaller uid of the tie); epoch 2: 1, 0, 5, 1
    assert selections(uncertainty) == [[2, 3], [0, 2], [0, 2]]
    assert_remembers(
        uncertainty, "loss_mean", [[1.0, 2.0, NAN, 3.0], [1.0, 0.0, NAN, 1.0], [1.0, 0.0, 5.0, 1.0]]
    )
