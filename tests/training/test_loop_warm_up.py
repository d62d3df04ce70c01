"""The warm-up and the class floor in real runs: what is drawn, what is not looked at, what is remembered."""

import dataclasses

import numpy as np
import pytest
from helpers.sessions import QUICK, Spy, begin, make, planned, run

from curate.networks.learner import weights_sha256
from curate.training.sight import NetworkSight

pytest_plugins = ["helpers.sessions"]
pytestmark = pytest.mark.usefixtures("one_thread")


def chosen(epochs):
    return [epoch.selected.indices.tolist() for epoch in epochs]


@pytest.mark.parametrize("policy", ["ema", "ucb", "epsilon-greedy", "uncertainty"])
def test_it_draws_what_random_draws_and_looks_at_no_loss(few, monkeypatch, policy):
    passes = []
    full_pass = NetworkSight.full_pass
    monkeypatch.setattr(
        NetworkSight, "full_pass", lambda self, epoch: passes.append(epoch) or full_pass(self, epoch)
    )
    session, _ = planned(policy, 100, 6, keep=0.3, period=1, warm_up="3", observe="evaluation")
    spy = Spy(make(policy))
    _, epochs = run(few, spy, session, seed=5)
    random, _ = planned("random", 100, 6, keep=0.3, period=1)
    _, drawn = run(few, make("random"), random, seed=5)
    assert chosen(epochs)[:3] == chosen(drawn)[:3]
    assert chosen(epochs)[3] != chosen(drawn)[3]
    assert passes == spy.epochs == [3, 4, 5]
    assert [epoch.asked for epoch in epochs] == [False] * 3 + [True] * 3
    assert [epoch.checkpoint for epoch in epochs] == list(range(6))


def test_the_mean_begins_with_the_first_losses_after_it(few):
    session, _ = planned("ema", 100, 5, keep=0.3, period=1, warm_up="2", observe="evaluation")
    spy = Spy(make("ema", alpha=0.5))
    run(few, spy, session, dataclasses.replace(QUICK, n_epochs=5))
    first, second = spy.losses[:2]
    np.testing.assert_array_equal(spy.plans[0].memory["loss_mean"], first)
    np.testing.assert_allclose(spy.plans[1].memory["loss_mean"], 0.5 * first + 0.5 * second, rtol=1e-6)


def test_full_takes_all_and_then_as_much_as_asked_for(few):
    session, _ = planned("ema", 100, 5, keep=0.3, period=1, warm_up="2:full")
    _, epochs = run(few, make("ema"), session, dataclasses.replace(QUICK, n_epochs=5))
    assert chosen(epochs)[:2] == [list(range(100))] * 2
    assert [len(indices) for indices in chosen(epochs)] == [100, 100, 30, 30, 30]
    assert [epoch.samples_seen for epoch in epochs] == [100, 200, 230, 260, 290]


def test_a_warm_up_draws_anew_at_each_checkpoint_only(few):
    session, _ = planned("ema", 100, 6, keep=0.3, period=2, warm_up="4")
    _, epochs = run(few, make("ema"), session)
    assert [epoch.checkpoint for epoch in epochs] == [0, 0, 2, 2, 4, 4]
    assert chosen(epochs)[0] == chosen(epochs)[1] != chosen(epochs)[2]


def test_losses_seen_in_training_are_kept_from_the_warm_up_on(few):
    """The first look has the losses of everything that was drawn; the next those since the first look."""
    session, _ = planned("ema", 100, 5, keep=0.3, period=1, warm_up="3")
    spy = Spy(make("ema"))
    _, epochs = run(few, spy, session, dataclasses.replace(QUICK, n_epochs=5))
    drawn = np.unique(np.concatenate(chosen(epochs)[:3])).tolist()
    assert len(drawn) > 30
    assert np.flatnonzero(~np.isnan(spy.losses[0])).tolist() == drawn
    assert np.flatnonzero(~np.isnan(spy.losses[1])).tolist() == chosen(epochs)[3]


def test_without_one_the_policy_is_asked_from_the_first_epoch_as_published(few):
    session, _ = planned("ema", 100, 3, keep=0.3, period=1, warm_up="0")
    spy = Spy(make("ema"))
    _, epochs = run(few, spy, session, dataclasses.replace(QUICK, n_epochs=3))
    assert spy.epochs == [0, 1, 2]
    hardest = np.lexsort((few.uids, -spy.losses[0]))[:30]
    assert chosen(epochs)[0] == np.sort(hardest).tolist()


@pytest.mark.parametrize("stop", [0, 1, 2, 3])
@pytest.mark.parametrize("observe", ["evaluation", "training"])
def test_a_run_resumed_in_mid_warm_up_ends_in_the_same_bits(few, stop, observe):
    more = {"keep": 0.3, "period": 1, "warm_up": "3", "observe": observe, "class_floor": 0.5}
    session, _ = planned("ucb", 100, 6, **more)
    calm, epochs = run(few, make("ucb"), session)
    _, begun = begin(few, make("ucb"), session)
    for _ in range(stop + 1):
        state = next(begun).state()
    again, rest = begin(few, make("ucb"), session, resume=state)
    assert chosen(list(rest)) == chosen(epochs)[stop + 1 :]
    assert weights_sha256(again) == weights_sha256(calm)


@pytest.mark.parametrize("warm_up", ["0", "2"])
@pytest.mark.parametrize("policy", ["ema", "ucb", "epsilon-greedy", "random"])
def test_no_class_is_below_its_floor_at_any_checkpoint(few, policy, warm_up):
    """Easy classes lose their part under a policy that goes for hard samples; with a floor they do not."""
    warm = {} if policy == "random" else {"warm_up": warm_up}
    least = 20 * np.bincount(few.labels, minlength=10) * 8 // 1000  # 0.8 of a fair part of 20 of 100

    def smallest(**more):
        session, _ = planned(policy, 100, 6, keep=0.2, period=1, **warm, **more)
        _, epochs = run(few, make(policy), session)
        counts = [np.bincount(few.labels[indices], minlength=10) for indices in chosen(epochs)]
        assert all(count.sum() == 20 for count in counts)
        return np.array(counts) - least

    assert smallest(class_floor=0.8).min() >= 0
    assert smallest().min() < 0  # so the test can fail
