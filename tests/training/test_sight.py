"""What a run observes, in full passes and in training, and that looking changes nothing."""

import dataclasses

import numpy as np
import pytest
import torch
from helpers.sessions import CPU, QUICK, Spy, make, planned, run

from curate.errors import CurateError
from curate.manifests.manifest import Selected
from curate.networks import learner as learners
from curate.networks.learner import Learner
from curate.selection.session import Session
from curate.training.batches import Batches
from curate.training.evaluate import EVALUATION_BATCH
from curate.training.sight import NetworkSight

pytest_plugins = ["helpers.sessions"]
pytestmark = pytest.mark.usefixtures("one_thread")


def test_random_never_pays_for_a_full_pass(few, monkeypatch):
    def fail(self, epoch):
        raise AssertionError("a full pass was made")

    monkeypatch.setattr(NetworkSight, "full_pass", fail)
    session, _ = planned("random", 100, 6, keep=0.3)
    _, epochs = run(few, make("random"), session)
    assert [len(epoch.selected.indices) for epoch in epochs] == [30] * 6
    with pytest.raises(AssertionError, match="a full pass was made"):  # so the test can fail
        run(few, make("ema"), dataclasses.replace(session, observes="evaluation"))


@pytest.mark.parametrize(
    ("policy", "more"), [("ema", {}), ("ucb", {}), ("ucb", {"adapt": 0.9999, "trust": 0.9})]
)
def test_one_full_pass_per_checkpoint_in_evaluation_mode_without_augmentation(
    digits, monkeypatch, policy, more
):
    passes, batches = [], []
    full_pass, logits = NetworkSight.full_pass, Learner.logits

    def spy_on_pass(self, epoch):
        passes.append(epoch)
        return full_pass(self, epoch)

    def spy_on_logits(self, images):
        if not self.module.training:
            assert not torch.is_grad_enabled()
            batches.append(images.clone())
        return logits(self, images)

    monkeypatch.setattr(NetworkSight, "full_pass", spy_on_pass)
    monkeypatch.setattr(Learner, "logits", spy_on_logits)
    session, _ = planned(policy, 300, 5, keep=0.3, period=2, **more)
    recipe = dataclasses.replace(QUICK, n_epochs=5, augment="crop-flip")
    learner, _ = run(digits, make(policy), session, recipe)
    assert passes == [0, 2, 4]
    assert [len(images) for images in batches] == [EVALUATION_BATCH, 50] * 3
    plain = torch.cat([batch.images for batch in Batches(digits, learner).plain(np.arange(300), 300)])
    for first, second in zip(batches[::2], batches[1::2], strict=True):
        assert (torch.cat([first, second]) == plain).all()


def test_the_losses_of_a_full_pass_are_the_cross_entropies_in_evaluation_mode(digits):
    """The first checkpoint sees the untrained model: here is one of the same seed."""
    spy = Spy(make("ema"))
    session, _ = planned("ema", 300, 1, keep=0.3)
    run(digits, spy, session, dataclasses.replace(QUICK, n_epochs=1))
    untrained = learners.build("basic-cnn", {"width": 4}, digits, 0, CPU)
    images = torch.from_numpy(digits.images.read(np.arange(300))).permute(0, 3, 1, 2)
    with torch.inference_mode():
        logits = untrained.module.eval()(untrained.normalized(images)).double()
    by_hand = -logits.log_softmax(1)[torch.arange(300), torch.from_numpy(digits.labels)]
    np.testing.assert_allclose(spy.losses[0], by_hand.numpy(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("model", ["basic-cnn", "lenet5"])
def test_looking_leaves_the_bits_of_training_unchanged(few, model):
    """Both models have batch norm: a pass in training mode would shift its running statistics."""
    chosen = Selected(np.arange(0, 100, 2))
    recipe = dataclasses.replace(QUICK, n_epochs=3)
    weights = set()
    for looks, observes in (
        (False, "nothing"),
        (True, "evaluation"),
        (False, "evaluation"),
        (True, "training"),
    ):
        policy = Spy(chosen, looks)
        learner, _ = run(few, policy, Session(observes=observes), recipe, model=model)
        assert len(policy.losses) == (3 if looks else 0)
        weights.add(learners.weights_sha256(learner))
    assert len(weights) == 1


@pytest.mark.parametrize("size", [3e38, float("inf"), float("nan")])
def test_a_loss_that_is_not_finite_in_a_full_pass_stops_the_run(few, monkeypatch, size):
    """Sample 7 gets logits of such a size for all classes but its own: a loss of infinity, or none."""
    logits = Learner.logits

    def spoilt(self, images):
        result = logits(self, images)
        if not self.module.training:
            result[7] = size
            result[7, few.labels[7]] = -size
        return result

    monkeypatch.setattr(Learner, "logits", spoilt)
    session, _ = planned("ema", 100, 6, keep=0.3)
    text = (
        r"the loss of sample 7 is not finite at the checkpoint of epoch 0 \(1 such samples\): use a smaller"
    )
    with pytest.raises(CurateError, match=text):
        run(few, make("ema"), session)


def losses_by_hand(data, monkeypatch):
    """Notes, for every training batch, its indices and the cross-entropies of its forward pass.

    Indices from the order handed to the batches; losses from the logits, in float64.
    """
    seen, orders = [], []
    augmented, logits = Batches.augmented, Learner.logits

    def spy_on_order(self, order, *rest):
        orders.append(list(order))
        return augmented(self, order, *rest)

    def spy_on_logits(self, images):
        result = logits(self, images)
        if self.module.training:
            rows, orders[-1] = orders[-1][: len(images)], orders[-1][len(images) :]
            own = result.detach().double().log_softmax(1)[torch.arange(len(rows)), data.labels[rows]]
            seen.append((len(orders) - 1, rows, -own.numpy()))
        return result

    monkeypatch.setattr(Batches, "augmented", spy_on_order)
    monkeypatch.setattr(Learner, "logits", spy_on_logits)
    return seen


@pytest.mark.parametrize("period", [1, 2])
def test_losses_in_training_are_those_of_the_latest_presentation(digits, monkeypatch, period):
    seen = losses_by_hand(digits, monkeypatch)
    spy = Spy(make("ema"))
    session, _ = planned("ema", 300, 6, keep=0.4, period=period, observe="training")
    recipe = dataclasses.replace(QUICK, augment="crop")
    _, epochs = run(digits, spy, session, recipe)
    assert spy.epochs == list(range(0, 6, period))
    assert np.isnan(spy.losses[0]).all()
    for place, epoch in enumerate(spy.epochs[1:], 1):
        expected = np.full(300, np.nan)
        for trained_in, rows, losses in seen:
            if epoch - period <= trained_in < epoch:
                expected[rows] = losses
        np.testing.assert_allclose(spy.losses[place], expected, rtol=1e-4, atol=1e-6)
        presented = np.flatnonzero(~np.isnan(spy.losses[place]))
        assert presented.tolist() == spy.plans[place - 1].selected.indices.tolist()
    assert not any(np.isnan(epoch.loss) for epoch in epochs)


def test_no_full_pass_is_made_where_losses_are_seen_in_training(few, monkeypatch):
    def fail(self, epoch):
        raise AssertionError("a full pass was made")

    monkeypatch.setattr(NetworkSight, "full_pass", fail)
    session, _ = planned("ucb", 100, 6, keep=0.4, observe="training", trust=0.9, adapt=0.99)
    run(few, make("ucb"), session)


def test_ema_of_losses_in_training_looks_at_all_samples_before_it_looks_twice(few):
    session, _ = planned("ema", 100, 6, keep=0.25, observe="training")
    _, epochs = run(few, make("ema"), session)
    first_four = np.concatenate([epoch.selected.indices for epoch in epochs[:4]])
    assert sorted(first_four) == list(range(100))


def test_losses_seen_in_training_are_not_weighted(few, monkeypatch):
    seen = losses_by_hand(few, monkeypatch)
    spy = Spy(make("infobatch", ratio=0.6, delta=1.0))
    session, _ = planned("infobatch", 100, 3)
    run(few, spy, session, dataclasses.replace(QUICK, n_epochs=3))
    expected = np.full(100, np.nan)
    for trained_in, rows, losses in seen:
        if trained_in == 1:
            expected[rows] = losses
    assert set(np.unique(spy.plans[1].selected.weights).tolist()) == {1.0, 2.5}
    np.testing.assert_allclose(spy.losses[2], expected, rtol=1e-4, atol=1e-6)
