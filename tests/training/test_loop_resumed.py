"""Sessions that go on after a kill, from the state of an epoch to the same bits."""

import dataclasses
import io

import pytest
import torch
from helpers.sessions import QUICK, begin, make, planned, run

from curate import finder
from curate.networks import learner as learners

pytest_plugins = ["helpers.sessions"]
pytestmark = pytest.mark.usefixtures("one_thread")

SESSIONS = {
    "random": {"keep": 0.3},
    "random-range": {"keep": "0.2:0.6", "period": 2},
    "ema": {"keep": 0.3, "period": 2},
    "ucb": {"keep": 0.3, "observe": "training"},
    "random-partition": {"keep": 0.3},
    "infobatch": {},
    "early-stop": {"keep": 0.55},
    "ema-trust": {"keep": 0.3, "trust": 0.9},
    "ucb-trust": {"keep": 0.3, "trust": 0.9, "observe": "training", "period": 2},
    "ucb-adapt": {"keep": 0.3, "adapt": 0.9},
    "ema-adapt": {"keep": 0.5, "adapt": 0.7, "observe": "training"},
}


def round_trip(state):
    """A state as it comes back from disk, read without trusting it."""
    file = io.BytesIO()
    torch.save(state, file)
    file.seek(0)
    return torch.load(file, weights_only=True)


def given(epoch):
    """All that an epoch says, but for the clock."""
    weights = epoch.selected.weights
    return (
        epoch.epoch,
        epoch.asked,
        epoch.checkpoint,
        epoch.selected.indices.tolist(),
        None if weights is None else weights.tolist(),
        epoch.changed,
        epoch.samples_seen,
        epoch.loss,
        epoch.accuracy,
        epoch.lr,
    )


@pytest.mark.parametrize("name", SESSIONS)
def test_a_killed_run_goes_on_to_the_same_bits(few, name):
    policy = next(
        known for known in sorted(finder.names("policies"), key=len)[::-1] if name.startswith(known)
    )
    session, n_epochs = planned(policy, 100, 6, **SESSIONS[name])
    recipe = dataclasses.replace(QUICK, n_epochs=n_epochs, augment="crop")
    learner, epochs = run(few, make(policy), session, recipe)
    whole, weights = [given(epoch) for epoch in epochs], learners.weights_sha256(learner)
    memory = epochs[-1].state()["memory"]
    state, told_in_all = None, []
    for last in (0, 2, 4, n_epochs):  # killed after epoch 0, the second attempt after 2, the third after 4
        resumed, epochs = begin(few, make(policy), session, recipe, resume=state)
        for epoch in epochs:
            told_in_all.append(given(epoch))
            state = round_trip(epoch.state())
            if epoch.epoch == last:
                epochs.close()
    assert told_in_all == whole
    assert learners.weights_sha256(resumed) == weights
    assert set(state["memory"]) == set(memory)
    assert all(torch.equal(state["memory"][key].nan_to_num(), memory[key].nan_to_num()) for key in memory)


def test_the_resumed_runs_above_would_notice_a_lost_memory(few):
    """Without the momentum, or without the memory of the policy, other bits come out."""
    session, _ = planned("random-partition", 100, 6, keep=0.3)
    learner, epochs = run(few, make("random-partition"), session)
    _, begun = begin(few, make("random-partition"), session)
    state = round_trip(next(begun).state())
    lost, rest = run(few, make("random-partition"), session, resume={**state, "memory": {}})
    assert [given(epoch) for epoch in rest] != [given(epoch) for epoch in epochs[1:]]
    fresh = {**state["optimizer"], "state": {}}
    still, _ = run(few, make("random-partition"), session, resume={**state, "optimizer": fresh})
    sums = [learners.weights_sha256(one) for one in (learner, lost, still)]
    assert len(set(sums)) == 3


def test_a_batch_norm_network_under_sgd_resumes_too(few):
    recipe = dataclasses.replace(QUICK, n_epochs=4, optimizer="sgd", lr=0.05, schedule="onecycle")
    session, _ = planned("ucb", 100, 4, keep=0.4)
    learner, _ = run(few, make("ucb"), session, recipe, model="lenet5")
    _, begun = begin(few, make("ucb"), session, recipe, model="lenet5")
    next(begun)
    state = round_trip(next(begun).state())
    resumed, _ = run(few, make("ucb"), session, recipe, model="lenet5", resume=state)
    assert learners.weights_sha256(resumed) == learners.weights_sha256(learner)


def test_a_run_that_is_done_has_nothing_left_to_do(few):
    session, _ = planned("ema", 100, 2, keep=0.4)
    recipe = dataclasses.replace(QUICK, n_epochs=2)
    learner, epochs = run(few, make("ema"), session, recipe)
    resumed, rest = run(few, make("ema"), session, recipe, resume=round_trip(epochs[-1].state()))
    assert rest == []
    assert learners.weights_sha256(resumed) == learners.weights_sha256(learner)


def test_asking_for_a_state_changes_nothing(few):
    session, _ = planned("ucb", 100, 4, keep=0.4, trust=0.8)
    recipe = dataclasses.replace(QUICK, n_epochs=4)
    plain, _ = run(few, make("ucb"), session, recipe)
    watched, epochs = begin(few, make("ucb"), session, recipe)
    for epoch in epochs:
        round_trip(epoch.state())
    assert learners.weights_sha256(watched) == learners.weights_sha256(plain)
