"""Policies against examples worked by hand, three checkpoints each, from the definitions in the design.

Losses, moving averages m, variances v and selections are written down as numbers; none is computed by
the code under test.
"""

import dataclasses
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from conftest import clusters_table
from hypothesis import given, settings
from hypothesis import strategies as st

from curate import finder
from curate.artifact import make_header
from curate.errors import CurateError, MismatchError
from curate.manifest import Selected, write_manifest
from curate.policy import Plan, View, top
from curate.precomputed import always_group, hardness
from curate.rng import rng
from curate.tables import write_table

NAN = float("nan")
UIDS = [60, 10, 50, 20, 40, 30]

# Six samples, three checkpoints, alpha = 0.8, k = 3.
LOSSES = [
    [1.0, 2.0, 3.0, 0.5, 2.5, 1.5],
    [2.0, 0.0, 1.0, 3.0, 2.5, 0.5],
    [1.5, 3.5, 0.5, 0.0, 0.9, 1.0],
]
# m starts as the losses; then m <- 0.8 u + 0.2 m:
#   epoch 1: 1.6+0.2, 0+0.4, 0.8+0.6, 2.4+0.1, 2.0+0.5, 0.4+0.3
#   epoch 2: 1.2+0.36, 2.8+0.08, 0.4+0.28, 0+0.5, 0.72+0.5, 0.8+0.14
MEANS = [
    [1.0, 2.0, 3.0, 0.5, 2.5, 1.5],
    [1.8, 0.4, 1.4, 2.5, 2.5, 0.7],
    [1.56, 2.88, 0.68, 0.5, 1.22, 0.94],
]
# v starts as 0; then v <- 0.2 v + 0.8 (u - m_before)^2:
#   epoch 1: u - m = 1, -2, -2, 2.5, 0, -1; squares 1, 4, 4, 6.25, 0, 1
#   epoch 2: u - m = -0.3, 3.1, -0.9, -2.5, -1.6, 0.3; squares 0.09, 9.61, 0.81, 6.25, 2.56, 0.09
#            0.16+0.072, 0.64+7.688, 0.64+0.648, 1.0+5.0, 0+2.048, 0.16+0.072
VARIANCES = [
    [0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
    [0.8, 3.2, 3.2, 5.0, 0.0, 0.8],
    [0.232, 8.328, 1.288, 6.0, 2.048, 0.232],
]
SCORES = [0.9, 0.1, 0.5, 0.7, 0.3, 0.2]
SCALED = [1.0, 0.0, 0.5, 0.75, 0.25, 0.125]  # (s - 0.1) / 0.8


def ask(policy, losses=None, *, k=3, uids=None, n_checkpoints=3, seed=0, available=None, allowed=0):
    """The plans of a policy at checkpoints one epoch apart; it may look at losses only where given some."""
    uids = np.array(UIDS if uids is None else uids, np.uint64)
    available = np.arange(len(uids)) if available is None else np.array(available)
    n_checkpoints = len(losses) if losses else n_checkpoints
    memory, seen = {}, 0
    for epoch in range(n_checkpoints):

        def look(epoch=epoch):
            assert losses, "this policy never looks at a loss"
            return np.array(losses[epoch], np.float32)

        chance = rng(seed, "policy", epoch)
        view = View(epoch, n_checkpoints, available, uids, k, chance, look, memory, seen, allowed)
        plan = policy.plan(view)
        memory, seen = plan.memory, seen + len(plan.selected.indices)
        yield plan


def selections(plans):
    return [plan.selected.indices.tolist() for plan in plans]


def make(name, **options):
    return finder.make("policies", name, options)


def assert_remembers(plans, name, expected):
    for plan, values in zip(plans, expected, strict=True):
        np.testing.assert_allclose(plan.memory[name], values, rtol=1e-5, atol=1e-6)


@pytest.fixture
def scores(tmp_path):
    """The scores above as a table of the six samples; high is hard."""
    path = tmp_path / "scores.parquet"
    clusters_table(path, [0] * 6, SCORES, uid=UIDS, seal=True)
    return path


def session_folder(path, selection, *, uids=UIDS, group=None):
    """A manifest of a training session: a list of indices per epoch, and the group of each sample."""
    n = len(uids)
    dataset = {"reference": "hand", "split": "all", "n": n, "classes": [], "fingerprint": "0" * 64}
    header = make_header("manifest", "train", {"policy": "ucb"}, seed=0, dataset=dataset)
    samples = {"index": np.arange(n), "uid": np.array(uids, np.uint64)}
    if group is not None:
        samples["group"] = np.array(group)
    chosen = [one if isinstance(one, Selected) else Selected(np.array(one)) for one in selection]
    return write_manifest(path, header, chosen, samples).path


# Top-k


@given(st.data())
@settings(deadline=None)
def test_top_equals_a_naive_sort_by_value_uid_and_index(data):
    n = data.draw(st.integers(1, 25))
    few = st.sampled_from([-1.0, -0.0, 0.0, 0.5, 3e38])
    values = np.array(data.draw(st.lists(few, min_size=n, max_size=n)), np.float32)
    uid = st.sampled_from([0, 1, 2, 2**63, 2**64 - 1])
    uids = np.array(data.draw(st.lists(uid, min_size=n, max_size=n)), np.uint64)
    among = np.array(sorted(data.draw(st.sets(st.integers(0, n - 1), min_size=1))))
    k = data.draw(st.integers(0, len(among)))

    def place(index):
        return -float(values[index]), int(uids[index]), index

    naive = sorted(sorted(among.tolist(), key=place)[:k])
    assert top(values, among, k, uids).tolist() == naive


def test_top_of_more_than_there_are_is_all_of_them():
    assert top(np.ones(5), np.array([1, 3]), 4, np.arange(5).astype(np.uint64)).tolist() == [1, 3]


@pytest.mark.parametrize("name", ["uncertainty", "ema", "ucb"])
def test_ties_go_to_the_smaller_uid(name):
    # uids 60 10 50 20 40 30: of five equal losses, uids 10, 20 and 30 are at 1, 3 and 5.
    assert selections(ask(make(name), [[1.0, 1.0, 1.0, 1.0, 0.5, 1.0]])) == [[1, 3, 5]]
    # one is clearly above, the other two places go to uids 10 and 20
    assert selections(ask(make(name), [[1.0, 1.0, 4.0, 1.0, 1.0, 1.0]])) == [[1, 2, 3]]


def test_ties_of_a_precomputed_score_go_to_the_smaller_uid(tmp_path):
    clusters_table(tmp_path / "flat.parquet", [0] * 6, [0.5] * 6, uid=UIDS, seal=True)
    policy = make("static-ucb", scores=str(tmp_path / "flat.parquet"))
    assert selections(ask(policy, [[1.0] * 6])) == [[1, 3, 5]]


# Policies that look at losses


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


@pytest.mark.parametrize("name", ["uncertainty", "ema", "ucb", "epsilon-greedy"])
def test_never_observed_samples_come_first_in_a_random_order(name):
    options = {"epsilon": 0.0} if name == "epsilon-greedy" else {}
    losses = [[9.0, NAN, 9.0, NAN, NAN, 9.0]]
    drawn = set()
    for seed in range(30):
        (plan,) = ask(make(name, **options), losses, k=2, seed=seed)
        drawn.add(tuple(plan.selected.indices.tolist()))
    assert drawn == {(1, 3), (1, 4), (3, 4)}
    (plan,) = ask(make(name, **options), losses, k=4)
    assert {1, 3, 4} < set(plan.selected.indices.tolist())


def test_static_ucb_ranks_the_never_observed_by_their_score_alone(scores):
    losses = [[NAN] * 6, [2.0, NAN, NAN, NAN, NAN, NAN], [4.0, NAN, NAN, NAN, NAN, 1.0]]
    plans = list(ask(make("static-ucb", scores=str(scores)), losses, k=2))
    assert selections(plans) == [[0, 3]] * 3
    # v of sample 0: first 0, then 0.8 * (4 - 2)^2
    assert_remembers(plans, "loss_variance", [[0.0] * 6, [0.0] * 6, [3.2, 0, 0, 0, 0, 0]])


@pytest.mark.parametrize("name", ["uncertainty", "ema", "ucb", "epsilon-greedy"])
def test_samples_that_are_not_available_are_never_selected_but_remembered(name):
    plans = list(ask(make(name), LOSSES, k=2, available=[0, 3, 5]))
    assert all(set(one) < {0, 3, 5} and len(one) == 2 for one in selections(plans))
    assert_remembers(plans, "loss_mean", LOSSES if name == "uncertainty" else MEANS)


# Infobatch


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


# Policies that look at nothing


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


def test_random_partition_waits_until_all_are_seen():
    """Five samples, two at a time: 2, 2, then the last of this round with the first of the next."""
    for seed in range(20):
        plans = list(ask(make("random-partition"), k=2, uids=range(5), n_checkpoints=3, seed=seed))
        one, two, three = (set(chosen) for chosen in selections(plans))
        assert len(one) == len(two) == len(three) == 2
        assert not one & two
        (last,) = set(range(5)) - one - two
        assert last in three
        (first_of_next,) = three - {last}
        waits = [set(np.flatnonzero(plan.memory["waits"]).tolist()) for plan in plans]
        assert waits == [set(range(5)) - one, {last}, set(range(5)) - {first_of_next}]


@given(st.integers(1, 30), st.data())
@settings(deadline=None, max_examples=60)
def test_random_partition_presents_all_equally_often_give_or_take_one(n, data):
    k = data.draw(st.integers(1, n))
    n_epochs = data.draw(st.integers(1, 25))
    counts = np.zeros(n, int)
    for plan in ask(make("random-partition"), k=k, uids=range(n), n_checkpoints=n_epochs, seed=n_epochs):
        assert len(plan.selected.indices) == k
        counts[plan.selected.indices] += 1
        assert counts.max() - counts.min() <= 1
    assert counts.sum() == k * n_epochs


def test_random_partition_does_not_change_the_memory_it_is_given():
    waits = np.array([True, False, True, True, False, True])
    before = waits.copy()
    view = View(1, 3, np.arange(6), np.array(UIDS, np.uint64), 2, rng(0, "x"), lambda: None, {"waits": waits})
    make("random-partition").plan(view)
    assert (waits == before).all()


@pytest.mark.parametrize(
    ("allowed", "sizes"), [(15, [6, 6, 3]), (12, [6, 6]), (13, [6, 6, 1]), (4, [4]), (6, [6])]
)
def test_early_stop_ends_with_exactly_its_presentations(allowed, sizes):
    plans = list(ask(make("early-stop"), n_checkpoints=len(sizes), allowed=allowed))
    assert [len(plan.selected.indices) for plan in plans] == sizes
    assert sum(sizes) == allowed


def test_early_stop_draws_its_last_part_at_random():
    lasts = {tuple(selections(ask(make("early-stop"), allowed=15, seed=seed))[2]) for seed in range(40)}
    assert len(lasts) > 10  # of the 20 there are


def test_full_takes_everything_and_remembers_nothing():
    plans = list(ask(make("full"), available=[0, 2, 3, 5]))
    assert selections(plans) == [[0, 2, 3, 5]] * 3
    assert all(plan.memory == {} for plan in plans)


# Policies that build on an earlier session


@pytest.fixture
def session(tmp_path):
    """An earlier session on eight samples: 1 and 4 are in its always group."""
    group = ["never", "always", "sometimes", "never", "always", "sometimes", "never", "sometimes"]
    selection = [[1, 2, 4], [1, 4, 5], [1, 4, 7]]
    return session_folder(tmp_path / "earlier", selection, uids=range(100, 108), group=group)


def test_always_random_fills_the_budget_at_random_at_every_checkpoint(session):
    drawn, differ = set(), 0
    for seed in range(40):
        plans = list(ask(make("always-random", manifest=str(session)), k=4, uids=range(100, 108), seed=seed))
        chosen = [set(one) for one in selections(plans)]
        assert all(len(one) == 4 and {1, 4} < one for one in chosen)
        drawn |= set.union(*chosen) - {1, 4}
        differ += chosen[0] != chosen[1]
        always = [False, True, False, False, True, False, False, False]
        assert all(plan.memory["always"].tolist() == always for plan in plans)
    assert drawn == {0, 2, 3, 5, 6, 7}
    assert differ > 30


def test_always_random_may_keep_just_its_group(session):
    assert (
        selections(ask(make("always-random", manifest=str(session)), k=2, uids=range(100, 108)))
        == [[1, 4]] * 3
    )


def test_always_random_finds_its_group_in_a_reordered_copy(session):
    uids = [104, 107, 999, 101, 100, 102, 103, 105, 106]  # one new, the others moved
    plans = ask(make("always-random", manifest=str(session)), k=3, uids=uids)
    assert all({0, 3} < set(one) for one in selections(plans))


def test_an_always_group_larger_than_the_budget_is_refused_with_both_numbers(session):
    with pytest.raises(
        CurateError, match=r"earlier has 2 samples, more than the 1 to keep: use a larger --k"
    ):
        next(ask(make("always-random", manifest=str(session)), k=1, uids=range(100, 108)))


def test_an_always_group_of_another_dataset_is_refused(session):
    text = (
        r"earlier is of another dataset \(hand\): 1 of its 2 always samples are not among those to train on"
    )
    with pytest.raises(MismatchError, match=text):
        next(ask(make("always-random", manifest=str(session)), k=4, uids=[101, 2, 3, 4, 5, 6, 7, 8]))


def test_a_static_manifest_has_no_always_group(tmp_path):
    static = session_folder(tmp_path / "static", [[1, 2, 3]])
    with pytest.raises(CurateError, match="static has no always group: it is static; name the folder of a "):
        next(ask(make("always-random", manifest=str(static))))


def test_always_random_without_a_manifest_says_what_it_needs():
    with pytest.raises(CurateError, match="policy always-random needs an earlier session: use --from FOLDER"):
        next(ask(make("always-random")))


def test_equal_images_are_told_apart_by_occurrence_in_the_always_group(tmp_path):
    """Samples 0 and 1 are equal images; the second of them is always selected."""
    group = ["never", "always", "never"]
    folder = session_folder(tmp_path / "twins", [[1], [1, 2]], uids=[7, 7, 9], group=group)
    assert always_group(str(folder), np.array([7, 7, 9], np.uint64)).tolist() == [False, True, False]


def test_recorded_replays_epoch_by_epoch_with_weights(tmp_path):
    weights = np.array([2.0, 1.0], np.float32)
    epochs = [Selected(np.array(pair), weights) for pair in ([0, 1], [1, 4], [3, 5])]
    folder = session_folder(tmp_path / "three", epochs)
    plans = list(ask(make("recorded", manifest=str(folder))))
    assert selections(plans) == [[0, 1], [1, 4], [3, 5]]
    assert all(plan.selected.weights.tolist() == [2.0, 1.0] for plan in plans)
    frozen = list(ask(make("recorded", manifest=str(folder), freeze="last"), n_checkpoints=5))
    assert selections(frozen) == [[3, 5]] * 5
    assert all(plan.selected.weights.tolist() == [2.0, 1.0] for plan in frozen)


def test_recorded_repeats_a_static_manifest_for_any_number_of_epochs(tmp_path):
    folder = session_folder(tmp_path / "static", [[2, 3]])
    assert selections(ask(make("recorded", manifest=str(folder)), n_checkpoints=7)) == [[2, 3]] * 7


def test_recorded_refuses_more_epochs_than_were_recorded(tmp_path):
    folder = session_folder(tmp_path / "three", [[0], [1], [2]])
    with pytest.raises(CurateError, match=r"three records 3 epochs, this run has 5: use --epochs 3 or fewer"):
        list(ask(make("recorded", manifest=str(folder)), n_checkpoints=5))


def test_recorded_without_a_manifest_says_what_it_needs():
    with pytest.raises(CurateError, match="policy recorded needs a manifest: use --from FOLDER"):
        next(ask(make("recorded")))


def test_recorded_refuses_a_manifest_of_another_dataset(tmp_path):
    """Nothing is joined by position across two datasets."""
    folder = session_folder(tmp_path / "three", [[0], [1], [2]])
    with pytest.raises(MismatchError):
        list(ask(make("recorded", manifest=str(folder)), uids=[1, 2, 3, 4, 5, 6]))


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


# Options


@pytest.mark.parametrize(
    ("name", "options", "text"),
    [
        ("ema", {"alpha": 1.5}, "alpha=1.5 is not a fraction: use 0 <= alpha <= 1"),
        ("ema", {"alpha": NAN}, "alpha=nan is not a fraction: use 0 <= alpha <= 1"),
        ("ucb", {"alpha": -0.1}, "alpha=-0.1 is not a fraction: use 0 <= alpha <= 1"),
        ("epsilon-greedy", {"alpha": 2}, "alpha=2.0 is not a fraction: use 0 <= alpha <= 1"),
        ("epsilon-greedy", {"epsilon": 1.1}, "epsilon=1.1 is not a fraction: use 0 <= epsilon <= 1"),
        ("static-epsilon", {"epsilon": -1}, "epsilon=-1.0 is not a fraction: use 0 <= epsilon <= 1"),
        ("static-ucb", {"alpha": 1.01}, "alpha=1.01 is not a fraction: use 0 <= alpha <= 1"),
        ("infobatch", {"ratio": 1.0}, "ratio=1.0 is out of range: use 0 <= ratio < 1"),
        ("infobatch", {"ratio": -0.5}, "ratio=-0.5 is out of range: use 0 <= ratio < 1"),
        ("infobatch", {"delta": 1.5}, "delta=1.5 is not a fraction: use 0 <= delta <= 1"),
        ("infobatch", {"delta": -0.1}, "delta=-0.1 is not a fraction: use 0 <= delta <= 1"),
    ],
)
def test_options_out_of_range_are_refused(name, options, text):
    with pytest.raises(CurateError) as problem:
        next(ask(make(name, **options), LOSSES))
    assert str(problem.value) == text


@pytest.mark.parametrize("confidence", ["nan", "inf"])
@pytest.mark.parametrize("name", ["ucb", "static-ucb"])
def test_a_confidence_that_is_no_number_is_refused(name, confidence, scores):
    """Else no value is the highest, and nothing at all is selected."""
    options = {"scores": str(scores)} if name == "static-ucb" else {}
    with pytest.raises(CurateError, match="confidence"):
        list(ask(make(name, confidence=confidence, **options), LOSSES))


@pytest.mark.parametrize(
    ("name", "options", "text"),
    [
        (
            "recorded",
            {"freeze": "first"},
            "freeze=first does not fit policy recorded: Input should be '' or ",
        ),
        ("ema", {"alpha": "much"}, "alpha=much does not fit policy ema: Input should be a valid number"),
        ("ema", {"epsilon": "0.1"}, "policy ema has no option 'epsilon': "),
    ],
)
def test_options_are_read_by_their_type(name, options, text):
    with pytest.raises(CurateError, match=text):
        make(name, **options)


def test_the_defaults_are_those_of_the_definitions():
    defaults = {name: dataclasses.asdict(make(name)) for name in finder.names("policies")}
    assert defaults["ema"] == {"alpha": 0.8}
    assert defaults["ucb"] == {"confidence": 1.0, "alpha": 0.8}
    assert defaults["epsilon-greedy"] == {"epsilon": 0.1, "alpha": 0.8}
    assert defaults["infobatch"] == {"ratio": 0.5, "delta": 0.875}
    assert isinstance(next(ask(make("full"))), Plan)
