"""The loop: equal commands give equal bits, a subset is a subsequence, weights scale the loss."""

import dataclasses

import numpy as np
import pytest
import torch
from helpers.runs import QUICK, Fixed, run
from helpers.sessions import CPU
from torch.nn import functional

from curate.errors import CurateError
from curate.manifests.manifest import Selected
from curate.networks import learner as learners
from curate.networks.model import Hyperparameters
from curate.rng import rng
from curate.selection.session import Session
from curate.training.batches import Batches

pytest_plugins = ["helpers.sessions"]


def test_the_same_run_gives_the_same_bits_and_another_seed_does_not(digits):
    one, same, other = (learners.weights_sha256(run(digits, seed=seed)[0]) for seed in (1, 1, 2))
    assert one == same
    assert one != other


def test_what_was_drawn_before_does_not_matter(digits):
    torch.manual_seed(99)
    np.random.seed(99)  # noqa: NPY002
    before = torch.get_rng_state()
    one = learners.weights_sha256(run(digits)[0])
    assert (torch.get_rng_state() == before).all()
    torch.rand(7)
    assert learners.weights_sha256(run(digits)[0]) == one


def test_one_sgd_step_equals_torch_by_hand(digits):
    """All samples in one batch: one Nesterov step against torch's own autograd and update rule."""
    recipe = Hyperparameters(1, 300, "sgd", 0.05, 0.9, 5e-4, "constant", "none")
    ours, _ = run(digits, recipe)
    hand = learners.build("basic-cnn", {}, digits, 0, CPU)
    order = rng(0, "order", 0).permutation(300)
    images = torch.from_numpy(digits.images.read(order)).permute(0, 3, 1, 2)
    mean, std = hand.normalization.mean[0] * 255, hand.normalization.std[0] * 255
    hand.module.train()
    loss = functional.cross_entropy(
        hand.module((images.float() - mean) / std), torch.from_numpy(digits.labels[order])
    )
    loss.backward()
    with torch.no_grad():
        for parameter in hand.module.parameters():
            gradient = parameter.grad + 5e-4 * parameter
            parameter -= 0.05 * (gradient + 0.9 * gradient)  # first step: the momentum buffer is the gradient
    for mine, theirs in zip(ours.module.parameters(), hand.module.parameters(), strict=True):
        torch.testing.assert_close(mine, theirs, atol=2e-6, rtol=1e-4)


def seen_orders(data, selected, monkeypatch):
    orders = []
    monkeypatch.undo()
    original = Batches.augmented

    def spy(self, order, *rest):
        orders.append(order.tolist())
        return original(self, order, *rest)

    monkeypatch.setattr(Batches, "augmented", spy)
    run(data, policy=Fixed(Selected(selected), []))
    return orders


def test_the_order_of_a_subset_is_a_subsequence_of_the_full_order(digits, monkeypatch):
    subset = np.array([3, 7, 100, 101, 250])
    full = seen_orders(digits, np.arange(300), monkeypatch)
    part = seen_orders(digits, subset, monkeypatch)
    for whole, some in zip(full, part, strict=True):
        assert sorted(whole) == list(range(300))
        assert [index for index in whole if index in set(subset)] == some
    assert full[0] != full[1]


def test_samples_seen_counts_presentations_and_a_policy_is_asked_at_every_checkpoint(digits):
    policy = Fixed(Selected(np.arange(50)), [])
    _, epochs = run(digits, dataclasses.replace(QUICK, n_epochs=3), policy=policy)
    assert [epoch.samples_seen for epoch in epochs] == [50, 100, 150]
    assert policy.asked == [0, 1, 2]
    rarer = Fixed(Selected(np.arange(50)), [])
    run(digits, dataclasses.replace(QUICK, n_epochs=5), policy=rarer, session=Session(period_epochs=2))
    assert rarer.asked == [0, 2, 4]


def test_weights_scale_the_loss_of_each_sample(digits):
    """Weight 0 is as good as absent, up to the mean over the batch: compare with a doubled rest."""
    indices = np.arange(64)
    weights = np.where(indices < 32, 0.0, 2.0).astype(np.float32)
    recipe = Hyperparameters(1, 64, "sgd", 0.05, 0.0, 0.0, "constant", "none")
    weighted, _ = run(digits, recipe, policy=Fixed(Selected(indices, weights), []))
    hand = learners.build("basic-cnn", {}, digits, 0, CPU)
    order = [index for index in rng(0, "order", 0).permutation(300) if index < 64]
    images = torch.from_numpy(digits.images.read(np.array(order))).permute(0, 3, 1, 2)
    logits = hand.module.train()(hand.normalized(images))
    losses = functional.cross_entropy(logits, torch.from_numpy(digits.labels[order]), reduction="none")
    (losses * torch.from_numpy(weights[order])).mean().backward()
    for mine, start in zip(weighted.module.parameters(), hand.module.parameters(), strict=True):
        torch.testing.assert_close(mine, start - 0.05 * start.grad, atol=2e-6, rtol=1e-4)


@pytest.mark.parametrize("selected", [[], None])
def test_an_empty_selection_is_an_error(digits, selected):
    policy = Fixed(Selected(np.array(selected or [], np.int64)), [])
    with pytest.raises(CurateError, match="nothing is selected in epoch 0"):
        run(digits, policy=policy)


def test_a_diverging_run_names_the_learning_rate(digits):
    recipe = Hyperparameters(3, 32, "sgd", 1e12, 0.9, 0.0, "constant", "none")
    with pytest.raises(
        CurateError, match=r"the loss is (nan|inf) in epoch \d, first that of sample \d+: use a smaller --lr"
    ):
        run(digits, recipe)


def test_streamed_images_train_to_the_same_bits(digits):
    class NotResident:
        shape, locality = digits.images.shape, None

        def __len__(self):
            return len(digits)

        def read(self, rows):
            return digits.images.read(rows)

    streamed = dataclasses.replace(digits, images=NotResident())
    one, other = (learners.weights_sha256(run(data)[0]) for data in (digits, streamed))
    assert one == other
