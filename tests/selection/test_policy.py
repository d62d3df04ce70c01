"""What policies share: the top k, ties, chance, and samples never observed or not available."""

import numpy as np
import pytest
from helpers.policy_examples import (
    LOSSES,
    MEANS,
    NAN,
    ask,
    assert_remembers,
    make,
    selections,
)
from helpers.tables import clusters_table
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.selection.policy import top


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


@pytest.mark.parametrize("name", ["uncertainty", "ema", "ucb", "epsilon-greedy"])
def test_samples_that_are_not_available_are_never_selected_but_remembered(name):
    plans = list(ask(make(name), LOSSES, k=2, available=[0, 3, 5]))
    assert all(set(one) < {0, 3, 5} and len(one) == 2 for one in selections(plans))
    assert_remembers(plans, "loss_mean", LOSSES if name == "uncertainty" else MEANS)


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
