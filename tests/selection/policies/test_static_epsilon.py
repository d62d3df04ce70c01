"""static-epsilon: the hardest by a precomputed score, and a share by chance."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
from helpers.policy_examples import (
    SCALED,
    SCORES,
    UIDS,
    ask,
    assert_remembers,
    make,
    selections,
)
from helpers.tables import clusters_table

from curate.artifacts.header import RankingColumn
from curate.artifacts.tables import write_table

pytest_plugins = ["helpers.policy_examples"]


def test_static_epsilon_keeps_the_hardest_scores_and_draws_the_rest_anew(scores):
    # k = 3, epsilon = 0.34: samples 0 and 3 always, the third by chance
    thirds = set()
    moved = 0
    for seed in range(40):
        plans = list(ask(make("static-epsilon", scores=str(scores), epsilon=0.34), seed=seed))
        assert_remembers(plans, "score", [SCALED] * 3)
        chosen = [set(one) for one in selections(plans)]
        assert all(len(one) == 3 and {0, 3} < one for one in chosen)
        thirds |= set.union(*chosen) - {0, 3}
        moved += sum(one != other for one, other in pairwise(chosen))
    assert thirds == {1, 2, 4, 5}
    assert moved > 40  # of 80; three times of four in the mean


def test_static_epsilon_turns_a_score_whose_low_side_is_hard(tmp_path):
    table = clusters_table(tmp_path / "low.parquet", [0] * 6, SCORES, uid=UIDS)
    write_table(table.path, replace(table.header, columns={"distance": RankingColumn("low")}), table.columns)
    (plan,) = ask(make("static-epsilon", scores=str(table.path), epsilon=0.0), n_checkpoints=1)
    assert plan.selected.indices.tolist() == [1, 4, 5]
    np.testing.assert_allclose(plan.memory["score"], [0.0, 1.0, 0.5, 0.25, 0.75, 0.875], atol=1e-6)
