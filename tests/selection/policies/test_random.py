"""random: draws anew at every checkpoint, evenly, and looks at nothing."""

import numpy as np
from helpers.policy_examples import ask, make, selections


def test_random_draws_anew_and_evenly_and_remembers_nothing():
    counts = np.zeros(6)
    differ = 0
    for seed in range(400):
        plans = list(ask(make("random"), seed=seed))
        for plan in plans:
            assert len(set(plan.selected.indices.tolist())) == 3
            assert plan.memory == {}
            assert plan.selected.weights is None
            counts[plan.selected.indices] += 1
        differ += selections(plans)[0] != selections(plans)[1]
    np.testing.assert_allclose(counts / 1200, 0.5, atol=0.065)  # 4.5 standard deviations
    assert differ > 350  # one in twenty is the same by chance
