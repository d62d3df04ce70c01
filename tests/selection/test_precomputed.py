"""Policies that build on a precomputed score, and how they read it."""

from itertools import pairwise

import numpy as np
import pytest
from helpers.policy_examples import (
    LOSSES,
    MEANS,
    NAN,
    SCALED,
    SCORES,
    UIDS,
    VARIANCES,
    ask,
    assert_remembers,
    make,
    selections,
)
from helpers.tables import clusters_table

from curate.artifacts.tables import write_table
from curate.errors import CurateError, MismatchError
from curate.selection.precomputed import hardness

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
    table.header["columns"]["distance"]["hard_is"] = "low"
    write_table(table.path, table.header, table.columns)
    (plan,) = ask(make("static-epsilon", scores=str(table.path), epsilon=0.0), n_checkpoints=1)
    assert plan.selected.indices.tolist() == [1, 4, 5]
    np.testing.assert_allclose(plan.memory["score"], [0.0, 1.0, 0.5, 0.25, 0.75, 0.875], atol=1e-6)


def test_static_ucb_adds_the_variance_of_the_loss_to_a_fixed_score(scores):
    plans = list(ask(make("static-ucb", scores=str(scores)), LOSSES))
    # s + v, epoch 1: 1.8, 3.2, 3.7, 5.75, 0.25, 0.925; epoch 2: 1.232, 8.328, 1.788, 6.75, 2.298, 0.357
    assert selections(plans) == [[0, 2, 3], [1, 2, 3], [1, 3, 4]]
    assert_remembers(plans, "score", [SCALED] * 3)
    assert_remembers(plans, "loss_mean", MEANS)
    assert_remembers(plans, "loss_variance", VARIANCES)
    # s + v/10, epoch 1: 1.08, 0.32, 0.82, 1.25, 0.25, 0.205; 2: 1.0232, 0.8328, 0.6288, 1.35, 0.4548, 0.1482
    weaker = ask(make("static-ucb", scores=str(scores), confidence=0.1), LOSSES)
    assert selections(weaker) == [[0, 2, 3], [0, 2, 3], [0, 1, 3]]


def test_static_ucb_ranks_the_never_observed_by_their_score_alone(scores):
    losses = [[NAN] * 6, [2.0, NAN, NAN, NAN, NAN, NAN], [4.0, NAN, NAN, NAN, NAN, 1.0]]
    plans = list(ask(make("static-ucb", scores=str(scores)), losses, k=2))
    assert selections(plans) == [[0, 3]] * 3
    # v of sample 0: first 0, then 0.8 * (4 - 2)^2
    assert_remembers(plans, "loss_variance", [[0.0] * 6, [0.0] * 6, [3.2, 0, 0, 0, 0, 0]])


# Scores


def test_scores_are_carried_over_by_uid(scores):
    # UIDS in another order: uids 10, 20 and 60 have the scores 0.1, 0.7 and 0.9
    found = hardness(str(scores), "", np.array([10, 20, 60], np.uint64))
    np.testing.assert_allclose(found, [0.0, 0.75, 1.0], atol=1e-6)


@pytest.mark.parametrize("name", ["static-epsilon", "static-ucb"])
class TestStaticPolicies:
    def test_scores_of_another_dataset_are_refused(self, name, scores):
        text = (
            "scores.parquet has no score for 2 of the 6 samples to train on: it is of another dataset; make "
            "scores of this one"
        )
        with pytest.raises(MismatchError, match=text):
            next(ask(make(name, scores=str(scores)), LOSSES, uids=[60, 10, 50, 20, 41, 31]))

    def test_scores_are_needed(self, name):
        with pytest.raises(CurateError, match=r"this policy needs scores: use --from TABLE\.parquet"):
            next(ask(make(name), LOSSES))

    def test_a_column_that_is_not_there_names_the_nearest(self, name, scores):
        with pytest.raises(CurateError, match=r"has no column 'distanse': did you mean distance\?"):
            next(ask(make(name, scores=str(scores), column="distanse"), LOSSES))

    def test_a_column_that_does_not_rank_is_refused(self, name, scores):
        with pytest.raises(CurateError, match="column 'cluster' does not rank: use one of distance"):
            next(ask(make(name, scores=str(scores), column="cluster"), LOSSES))

    def test_a_score_that_is_not_a_number_is_refused(self, name, tmp_path):
        """Else nothing is the hardest, and fewer than k are kept."""
        path = tmp_path / "holes.parquet"
        clusters_table(path, [0] * 6, [*SCORES[:5], NAN], uid=UIDS, seal=True)
        with pytest.raises(CurateError):
            next(ask(make(name, scores=str(path)), LOSSES))
