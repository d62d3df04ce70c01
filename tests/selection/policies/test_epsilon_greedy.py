"""epsilon-greedy: the best by moving average, and a share by chance."""

import numpy as np
from helpers.policy_examples import LOSSES, MEANS, ask, assert_remembers, make, selections


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
