"""static-ucb: a precomputed score and the variance of the loss."""

from helpers.policy_examples import (
    LOSSES,
    MEANS,
    NAN,
    SCALED,
    UIDS,
    VARIANCES,
    ask,
    assert_remembers,
    make,
    selections,
)
from helpers.tables import clusters_table

pytest_plugins = ["helpers.policy_examples"]


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


def test_ties_of_a_precomputed_score_go_to_the_smaller_uid(tmp_path):
    clusters_table(tmp_path / "flat.parquet", [0] * 6, [0.5] * 6, uid=UIDS, seal=True)
    policy = make("static-ucb", scores=str(tmp_path / "flat.parquet"))
    assert selections(ask(policy, [[1.0] * 6])) == [[1, 3, 5]]
