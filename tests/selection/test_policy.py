"""How policies rank: the top k, ties, and samples that were never observed or are not available."""

import numpy as np
import pytest
from helpers.policy_examples import LOSSES, MEANS, NAN, UIDS, ask, assert_remembers, make, selections
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


def test_ties_of_a_precomputed_score_go_to_the_smaller_uid(tmp_path):
    clusters_table(tmp_path / "flat.parquet", [0] * 6, [0.5] * 6, uid=UIDS, seal=True)
    policy = make("static-ucb", scores=str(tmp_path / "flat.parquet"))
    assert selections(ask(policy, [[1.0] * 6])) == [[1, 3, 5]]


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
