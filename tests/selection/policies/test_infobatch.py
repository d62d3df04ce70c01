"""Infobatch: what it leaves out, how it weighs what stays, and when it anneals."""

from fractions import Fraction

import numpy as np
import pytest
from helpers.policy_examples import NAN, ask, assert_remembers, make


def infobatch_example(seed):
    losses = [
        [NAN] * 6,  # nothing is known
        [1.0, 2.0, 3.0, 4.0, 5.0, 9.0],  # mean 4: 0, 1 and 2 are below it, 3 is not
        [NAN, 6.0, NAN, 1.0, 1.0, 1.0],  # latest: 1, 6, 3, 1, 1, 1, mean 2.1667: 0, 3, 4, 5 are below
        [1.0, 1.0, 1.0, 1.0, 1.0, 7.0],  # epoch 3 of 4 and delta = 0.75: everything
    ]
    return list(ask(make("infobatch", ratio=0.6, delta=0.75), losses, seed=seed))


def test_infobatch_leaves_out_easy_samples_and_weighs_those_that_stay():
    easy = [set(), {0, 1, 2}, {0, 3, 4, 5}, set()]
    left_out = [set(), set(), set(), set()]
    for seed in range(60):
        plans = infobatch_example(seed)
        assert_remembers(
            plans,
            "loss_mean",
            [[NAN] * 6, [1, 2, 3, 4, 5, 9], [1, 6, 3, 1, 1, 1], [1, 1, 1, 1, 1, 7]],
        )
        for epoch, plan in enumerate(plans):
            indices = plan.selected.indices.tolist()
            assert set(range(6)) - easy[epoch] <= set(indices)
            left_out[epoch] |= set(range(6)) - set(indices)
            # 1 / (1 - 0.6) = 2.5
            expected = [2.5 if index in easy[epoch] else 1.0 for index in indices]
            np.testing.assert_allclose(plan.selected.weights, expected, rtol=1e-6)
    assert left_out == easy


def test_infobatch_weights_are_floats_of_32_bits_from_the_first_to_the_last_epoch():
    assert {plan.selected.weights.dtype for plan in infobatch_example(0)} == {np.dtype(np.float32)}


def test_infobatch_never_leaves_out_what_was_never_presented():
    losses = [[0.1, NAN, 0.1, NAN, NAN, 9.0]]
    for seed in range(40):
        plan = next(ask(make("infobatch", ratio=0.9, delta=1.0), losses, seed=seed))
        kept = dict(zip(plan.selected.indices.tolist(), plan.selected.weights.tolist(), strict=True))
        assert {1, 3, 4, 5} <= set(kept)
        assert all(kept[index] == 1.0 for index in (1, 3, 4, 5))


@pytest.mark.parametrize("ratio", [0.0, 0.3, 0.5, 0.9])
def test_infobatch_expects_the_gradient_of_all_samples(ratio):
    """The expected weight of every sample is 1; so the weights of a selection add up to n in the mean."""
    chance = np.random.default_rng(2)
    losses = chance.exponential(size=(1, 200)).tolist()
    n_draws = 600
    policy = make("infobatch", ratio=ratio, delta=1.0)
    weight = np.zeros(200)
    for seed in range(n_draws):
        plan = next(ask(policy, losses, uids=range(200), seed=seed))
        weight[plan.selected.indices] += plan.selected.weights
    spread = np.sqrt(ratio / (1 - ratio) / n_draws)  # of one sample's mean weight: w is 1/(1-r) or 0
    assert abs(weight / n_draws - 1).max() <= 4.5 * spread + 1e-6
    assert weight.sum() / n_draws == pytest.approx(200, abs=4 * spread * np.sqrt(200) + 1e-4)


@pytest.mark.parametrize("delta", ["0.875", "0.7", "0.5", "0.99", "0.0"])
def test_infobatch_anneals_at_the_end_of_any_number_of_epochs(delta):
    losses = [0.0] * 199 + [200.0]  # all but one are easy: with r = 0.9, a full epoch never comes by chance
    for n_epochs in range(1, 41):
        policy = make("infobatch", ratio=0.9, delta=delta)
        plans = list(ask(policy, [losses] * n_epochs, uids=range(200)))
        is_full = [len(plan.selected.indices) == 200 for plan in plans]
        n_pruned = int(Fraction(delta) * n_epochs)
        assert is_full == [False] * n_pruned + [True] * (n_epochs - n_pruned)
        assert is_full[-1]
        assert all((plan.selected.weights == 1).all() for plan in plans[n_pruned:])


def test_infobatch_with_delta_one_never_anneals():
    plans = ask(make("infobatch", ratio=0.9, delta=1.0), [[0.0] * 199 + [200.0]] * 10, uids=range(200))
    assert all(len(plan.selected.indices) < 200 for plan in plans)


def test_infobatch_takes_the_mean_over_what_is_available():
    # Among 0, 1, 2 the mean is 2 and only 0 is easy; over all six, all three would be.
    losses = [[1.0, 2.0, 3.0, 50.0, 50.0, 50.0]]
    kept = [
        tuple(
            next(ask(make("infobatch", delta=1.0), losses, available=[0, 1, 2], seed=seed)).selected.indices
        )
        for seed in range(30)
    ]
    assert set(kept) == {(0, 1, 2), (1, 2)}
