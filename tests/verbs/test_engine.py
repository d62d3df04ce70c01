"""The engine in Python: epoch by epoch to the weights of `curate train`; and a loop on its parts."""

import numpy as np
import pytest
import torch
from helpers.trained import sha_of_saved
from torch.nn import functional

import curate
from curate.errors import CurateError
from curate.networks.learner import weights_sha256

THREE = {"n_epochs": 3}
PLAIN = {"optimizer": "adam", "lr": 0.001, "weight_decay": 0.0, "schedule": "constant", "augment": "none"}


@pytest.fixture(scope="module")
def few():
    """160 samples for training and 60 for testing."""
    digits = curate.open_dataset("digits")
    return digits.take(np.arange(160)), digits.take(np.arange(160, 220))


def small(data, seed=4):
    return curate.build("basic-cnn", data, options={"width": 2}, seed=seed)


def fitted(learner, data, **more):
    shared = {"policy": "ucb", "keep": 0.5, "period": 1, "hyperparameters": THREE, "seed": 4}
    return curate.fit(learner, data, **{**shared, **more})


def test_it_ends_in_the_weights_of_train(few, here):
    made = curate.train(
        few[0], policy="ucb", keep=0.5, period=1, hyperparameters=THREE, options={"width": 2}, seed=4,
        test=few[1], output="run",
    )  # fmt: skip
    learner, selected = small(few[0]), []
    for epoch in fitted(learner, few[0]):
        selected.append(epoch.selected.indices.tolist())
        tested = curate.evaluate(learner, few[1])
        assert tested.accuracy == made.epochs[epoch.epoch].test_accuracy
    assert weights_sha256(learner) == sha_of_saved(here / "run" / "model.safetensors")
    assert selected == [made.manifest.selected(epoch).indices.tolist() for epoch in range(3)]


def test_it_goes_on_from_a_state_to_the_same_bits(few):
    whole = small(few[0])
    states = [epoch.state() for epoch in fitted(whole, few[0]) if epoch.epoch == 0]
    stopped = small(few[0])
    first = next(iter(fitted(stopped, few[0]))).state()
    later = small(few[0], seed=9)  # its own weights are replaced
    assert [epoch.epoch for epoch in fitted(later, few[0], resume=first)] == [1, 2]
    assert weights_sha256(later) == weights_sha256(whole)
    assert states


def test_a_loop_of_ones_own_on_its_parts_ends_in_the_same_weights(few):
    theirs = small(few[0])
    for _ in fitted(theirs, few[0], policy="random", hyperparameters={**THREE, **PLAIN}):
        pass
    learner = small(few[0])
    optimizer = torch.optim.Adam(learner.module.parameters(), 0.001, fused=True)
    batches = curate.Batches(few[0], learner)
    pruner = curate.Pruner(few[0], "random", keep=0.5, period=1, epochs=3, seed=4)
    for number in range(pruner.n_epochs):
        pruner.set_epoch(number)
        learner.module.train()
        for rows, images, labels in batches.plain(pruner.order(), learner.hyperparameters.batch_size):
            losses = functional.cross_entropy(learner.logits(images), labels, reduction="none")
            optimizer.zero_grad()
            pruner.observe(rows, losses).mean().backward()
            optimizer.step()
    assert weights_sha256(learner) == weights_sha256(theirs)


def test_classes_of_a_test_set_are_matched_by_name(few):
    learner = small(few[0])
    for _ in fitted(learner, few[0]):
        pass
    turned = curate.Dataset.from_arrays(
        few[1].images.read(np.arange(60)), 9 - few[1].labels, classes=few[1].classes[::-1]
    )
    assert curate.evaluate(learner, turned) == curate.evaluate(learner, few[1])
    others = curate.Dataset.from_arrays(np.zeros((2, 8, 8), np.uint8), [0, 1], classes=["ant", "bee"])
    with pytest.raises(CurateError, match="has a class 'ant' that the network has not"):
        curate.evaluate(learner, others)


def test_wrong_words_are_refused_before_any_work(few):
    learner = small(few[0])
    with pytest.raises(CurateError, match="there is no hyperparameter 'epoch': did you mean n_epochs"):
        fitted(learner, few[0], hyperparameters={"epoch": 3})
    with pytest.raises(CurateError, match="there is no policy called 'usb': did you mean ucb"):
        fitted(learner, few[0], policy="usb")
    with pytest.raises(CurateError, match="there is no model called 'lenet': did you mean lenet5"):
        curate.build("lenet", few[0])
