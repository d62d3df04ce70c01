"""Adapting: a policy is asked again only where the ranks of the losses moved since its last selection."""

import dataclasses

import numpy as np
import pytest
from helpers.sessions import QUICK, Spy, make, planned, run

from curate.training.sight import NetworkSight

pytest_plugins = ["helpers.sessions"]
pytestmark = pytest.mark.usefixtures("one_thread")


def asked_at(data, monkeypatch, losses, adapt, policy="ema", **more):
    """The epochs at which a policy is asked in a run whose full passes find these losses."""
    result = iter(losses)
    monkeypatch.setattr(NetworkSight, "full_pass", lambda self, epoch: np.array(next(result), np.float32))
    spy = Spy(make(policy), looks=False)
    session, _ = planned(policy, len(data), len(losses), keep=0.5, period=1, adapt=adapt, **more)
    _, epochs = run(data, spy, session, dataclasses.replace(QUICK, n_epochs=len(losses)))
    assert [epoch.epoch for epoch in epochs if epoch.asked] == spy.epochs
    return spy, epochs


def test_adapt_asks_once_where_nothing_moves(digits, monkeypatch):
    data = digits.take(np.arange(20))
    losses = np.random.default_rng(0).permutation(20)
    spy, epochs = asked_at(data, monkeypatch, [losses] * 5, 0.9999)
    assert spy.epochs == [0]
    assert all(epoch.selected is epochs[0].selected for epoch in epochs)
    assert [epoch.checkpoint for epoch in epochs] == [0] * 5


def test_adapt_asks_once_where_all_losses_are_equal_and_says_nothing_of_it(digits, monkeypatch, recwarn):
    data = digits.take(np.arange(20))
    assert asked_at(data, monkeypatch, [[1.0] * 20] * 4, 0.5)[0].epochs == [0]
    assert not list(recwarn)


def test_adapt_asks_again_where_equal_losses_came_apart(digits, monkeypatch):
    """A network whose last layer starts at zero has one loss for all samples at first."""
    data = digits.take(np.arange(20))
    up = np.arange(20.0)
    assert asked_at(data, monkeypatch, [[2.3] * 20, up, 19 - up], 0.5)[0].epochs == [0, 1, 2]


def test_adapt_asks_again_where_ranks_are_turned_round(digits, monkeypatch):
    data = digits.take(np.arange(20))
    up = np.arange(20.0)
    losses = [up, up**2, 19 - up, 19 - up, up]  # epoch 1 has other values in the same order
    assert asked_at(data, monkeypatch, losses, 0.0001)[0].epochs == [0, 2, 4]


def test_adapt_compares_with_the_last_selection_not_the_last_checkpoint(digits, monkeypatch):
    """Losses drift: each step correlates highly with the one before, and ever less with the first.

    Spearman's rho of two permutations is 1 - 6 sum d^2 / (n (n^2 - 1)). A rotation of 20 ranks by s moves
    20 - s of them by s and s of them by 20 - s: by 1 the sum is 400 - 20 = 380, by 2 it is 720, by 3 it is
    1020, by 4 it is 1280; n (n^2 - 1) / 6 = 1330. So rho = 0.714, 0.459, 0.233, 0.038.
    """
    data = digits.take(np.arange(20))
    losses = [np.roll(np.arange(20.0), shift) for shift in range(8)]
    assert asked_at(data, monkeypatch, losses, 0.5)[0].epochs == [0, 2, 4, 6]
    assert asked_at(data, monkeypatch, losses, 0.3)[0].epochs == [0, 3, 6]
    assert asked_at(data, monkeypatch, losses, 0.8)[0].epochs == list(range(8))


def test_adapt_in_a_real_run_asks_the_more_the_higher_its_limit(few):
    def asked(adapt):
        session, _ = planned("ema", 100, 6, keep=0.5, adapt=adapt)
        spy = Spy(make("ema"))
        _, epochs = run(few, spy, session)
        assert spy.epochs == [epoch.epoch for epoch in epochs if epoch.asked]
        return spy.epochs

    assert asked(0.9999) == [0, 1, 2, 3, 4, 5]
    assert len(asked(0.0001)) < 6


def test_adapt_lets_random_draw_again_only_where_the_losses_moved(digits, monkeypatch):
    data = digits.take(np.arange(20))
    up = np.arange(20.0)
    spy, epochs = asked_at(data, monkeypatch, [up, up, 19 - up, 19 - up], 0.5, policy="random")
    assert spy.epochs == [0, 2]
    assert [epoch.checkpoint for epoch in epochs] == [0, 0, 2, 2]


def test_adapt_with_losses_in_training_waits_until_there_are_some(few):
    session, _ = planned("ema", 100, 4, keep=0.5, adapt=0.0001, observe="training")
    spy = Spy(make("ema"))
    run(few, spy, session, dataclasses.replace(QUICK, n_epochs=4))
    assert spy.epochs[:2] == [0, 1]  # nothing was seen at 0
