"""The laboratory: a trial is the loop run by hand, with its own policy, seed and session, and tested."""

import dataclasses

import numpy as np
import pytest
import torch
from helpers.sessions import CPU, QUICK, begin, make, planned

from curate.networks.learner import weights_sha256
from curate.selection.session import Session
from curate.training.trials import Laboratory, Setting, Wanted

pytest_plugins = ["helpers.sessions"]

SHORT = dataclasses.replace(QUICK, n_epochs=3)
SESSION, _ = planned("uncertainty", n_epochs=3, keep=0.4, period=2)
WANTED = [
    Wanted("ours", make("uncertainty"), 3, SESSION),
    Wanted("another seed", make("uncertainty"), 4, SESSION),
    Wanted("another policy", make("random"), 3, SESSION),
    Wanted("another session", make("uncertainty"), 3, dataclasses.replace(SESSION, first_k=20, last_k=20)),
    Wanted("other hyperparameters", make("full"), 3, Session(), dataclasses.replace(SHORT, n_epochs=1)),
]


@pytest.fixture(scope="module")
def laboratory(few, digits):
    test = digits.take(np.arange(100, 150))
    return Laboratory(Setting(few, test, "basic-cnn", {"width": 4}, SHORT, "cpu", np.arange(100)))


@pytest.mark.parametrize("wanted", WANTED, ids=lambda wanted: wanted.name)
def test_a_trial_is_the_loop_run_by_hand_and_then_tested(wanted, laboratory, few, digits):
    trial = laboratory.trial(wanted)
    learner, epochs = begin(
        few, wanted.policy, wanted.session, wanted.hyperparameters or SHORT, seed=wanted.seed
    )
    last = list(epochs)[-1]
    assert trial.weights_sha256 == weights_sha256(learner)
    assert (trial.seed, trial.samples_seen) == (wanted.seed, last.samples_seen)
    images = torch.from_numpy(digits.images.read(np.arange(100, 150))).permute(0, 3, 1, 2).to(CPU)
    with torch.no_grad():
        right = learner.module.eval()(learner.normalized(images)).argmax(1).numpy() == digits.labels[100:150]
    by_class = [right[digits.labels[100:150] == label].mean() for label in np.unique(digits.labels[100:150])]
    assert trial.accuracy == pytest.approx(right.mean())
    assert trial.worst_class == pytest.approx(min(by_class))


def test_trials_differ_by_all_that_is_wanted_and_not_by_what_was_tried_before(laboratory):
    weights = [laboratory.trial(wanted).weights_sha256 for wanted in WANTED]
    assert len(set(weights)) == len(WANTED)
    assert laboratory.trial(WANTED[0]).weights_sha256 == weights[0]
