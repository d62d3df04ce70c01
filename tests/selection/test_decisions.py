"""Decisions, one checkpoint after another, of a run whose losses are made up."""

import numpy as np

from curate import finder
from curate.data.identity import uids_of_keys
from curate.selection.decisions import Decisions
from curate.selection.observer import Observer
from curate.selection.session import Asked, plan_session

N = 20


class Made:
    """A sight of made-up losses, and how often it was looked at."""

    def __init__(self, losses):
        self.losses, self.passes, self.forgotten = losses, [], 0

    def latest(self):
        return self.losses[-1].copy()

    def forget(self):
        self.forgotten += 1

    def full_pass(self, epoch):
        self.passes.append(epoch)
        return self.losses[epoch].copy()

    def mean_margins(self):
        return np.full(N, np.nan, np.float32)


def decisions(sight, policy="uncertainty", n_epochs=4, seed=0, **asked):
    plan = finder.make("policies", policy)
    asked = {"keep": "5", "warm_up": "0", "observe": "evaluation", **asked}
    session, _ = plan_session(plan, policy, N, n_epochs, Asked(**asked))
    everything, uids = np.arange(N), uids_of_keys(map(str, range(N)))
    observer = Observer(sight, everything, uids, session, n_epochs)
    return Decisions(plan, session, observer, everything, uids, everything % 2, seed, n_epochs)


def up_and_down():
    up = np.arange(N, dtype=np.float32)
    return [up, up, up[::-1].copy(), up[::-1].copy()]


def test_what_is_selected_stands_until_another_is():
    run = decisions(Made(up_and_down()))
    found = []
    for epoch in range(4):
        assert run.arrive(epoch, 0)
        found.append((run.selected.indices.tolist(), run.checkpoint, run.changed))
    assert found == [
        ([15, 16, 17, 18, 19], 0, None),
        ([15, 16, 17, 18, 19], 0, 0.0),
        ([0, 1, 2, 3, 4], 2, 1.0),
        ([0, 1, 2, 3, 4], 2, 0.0),
    ]


def test_a_warm_up_asks_nobody_and_a_floor_holds_in_it():
    sight = Made(up_and_down())
    run = decisions(sight, warm_up="2", class_floor=1.0, keep="6")
    assert not run.arrive(0, 0)
    assert not run.arrive(1, 0)
    assert sight.passes == []
    assert np.bincount(run.selected.indices % 2).tolist() == [3, 3]
    assert run.arrive(2, 0)
    assert sight.passes == [2]
    assert np.bincount(run.selected.indices % 2).tolist() == [3, 3]


def test_losses_of_training_are_forgotten_when_they_were_used():
    sight = Made([np.arange(N, dtype=np.float32)])
    run = decisions(sight, "ema", observe="training", warm_up="1")
    run.arrive(0, 0)
    assert sight.forgotten == 0
    run.arrive(1, 0)
    assert (sight.forgotten, sight.passes) == (1, [])


def test_a_state_goes_on_as_if_nothing_had_happened():
    for policy, more in (("ucb", {}), ("epsilon-greedy", {"adapt": 0.5}), ("ema", {"trust": 0.9})):
        chance = np.random.default_rng(1)
        losses = [chance.random(N, np.float32) for _ in range(4)]
        calm, first, later = (decisions(Made(losses), policy, **more) for _ in range(3))
        for epoch in range(4):
            calm.arrive(epoch, 0)
        for epoch in range(2):
            first.arrive(epoch, 0)
        later.load(first.state())
        for epoch in range(2, 4):
            later.arrive(epoch, 0)
        assert later.selected.indices.tolist() == calm.selected.indices.tolist()
        assert (later.checkpoint, later.changed) == (calm.checkpoint, calm.changed)
        for name, value in calm.memory.items():
            np.testing.assert_array_equal(later.memory[name], value)
