"""Trust: samples that are learnt worst, by their margin, are not selected."""

import dataclasses

import numpy as np
import pytest
from helpers.sessions import QUICK, Spy, begin, make, planned, run

from curate.networks.learner import Learner
from curate.training.batches import Batches

pytest_plugins = ["helpers.sessions"]
pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def mislabelled(digits):
    """Digits with 30 of 300 labels wrong, and which ones."""
    chance = np.random.default_rng(0)
    wrong = np.sort(chance.choice(300, 30, replace=False))
    labels = digits.labels.copy()
    labels[wrong] = (labels[wrong] + chance.integers(1, 10, 30)) % 10
    return dataclasses.replace(digits, labels=labels), wrong


@pytest.mark.parametrize(
    ("policy", "observe"), [("random", "training"), ("ema", "evaluation"), ("ema", "training")]
)
def test_wrong_labels_end_up_distrusted_and_are_not_selected(mislabelled, policy, observe):
    data, wrong = mislabelled
    recipe = dataclasses.replace(QUICK, n_epochs=12, batch_size=25, lr=1e-2)
    session, _ = planned(policy, 300, 12, keep=0.5, trust=0.9, observe=observe)
    spy = Spy(make(policy), looks=False)
    _, epochs = begin(data, spy, session, recipe, width=8)
    for epoch in epochs:
        state = epoch.state()["observer"]
        distrusted = np.flatnonzero(state["distrusted"].numpy())
        if epoch.epoch < 2:  # a tenth of 12 epochs, rounded up
            assert len(distrusted) == 0
            assert len(spy.available[-1]) == 300
        else:
            assert len(distrusted) == 30
            assert np.union1d(distrusted, spy.available[-1]).tolist() == list(range(300))
            assert not np.isin(distrusted, spy.available[-1]).any()
        assert not np.isin(epoch.selected.indices, distrusted).any()
        assert len(epoch.selected.indices) == 150
    assert np.isin(distrusted, wrong).mean() > 0.6  # 0.1 by chance


def test_aum_is_the_mean_margin_since_the_first_epoch(few, monkeypatch):
    """By hand from every forward pass in training; a sample without any is trusted."""
    margins = [[] for _ in range(100)]
    orders = []
    augmented, logits = Batches.augmented, Learner.logits

    def spy_on_order(self, order, *rest):
        orders.append(list(order))
        return augmented(self, order, *rest)

    def spy_on_logits(self, images):
        result = logits(self, images)
        rows, orders[-1] = orders[-1][: len(images)], orders[-1][len(images) :]
        for row, values in zip(rows, result.detach().double().tolist(), strict=True):
            own = values.pop(few.labels[row])
            margins[row].append(own - max(values))
        return result

    monkeypatch.setattr(Batches, "augmented", spy_on_order)
    monkeypatch.setattr(Learner, "logits", spy_on_logits)
    session, _ = planned("random", 100, 4, keep=0.2, trust=0.75, observe="training")
    spy = Spy(make("random"), looks=False)
    _, epochs = begin(few, spy, session, dataclasses.replace(QUICK, n_epochs=4))
    aum = np.full(100, np.nan)
    for epoch in epochs:
        state = epoch.state()["observer"]
        known = np.flatnonzero(~np.isnan(aum))  # as it was when this epoch began
        n_out = 0 if epoch.epoch == 0 else min(25, len(known))
        lowest = known[np.argsort(aum[known])[:n_out]]
        assert np.flatnonzero(state["distrusted"].numpy()).tolist() == sorted(lowest)
        aum = np.array([np.mean(values) if values else np.nan for values in margins])
        result = (state["margin_sum"] / state["n_margins"]).numpy()
        np.testing.assert_allclose(result, aum, rtol=1e-3, atol=1e-4)


def test_without_trust_there_is_no_guard(few):
    session, _ = planned("ema", 100, 1, keep=0.5)
    _, (epoch,) = run(few, make("ema"), session, dataclasses.replace(QUICK, n_epochs=1))
    assert not {"distrusted", "margin_sum", "n_margins"} & set(epoch.state()["observer"])
