"""What the tests of sessions share: quick runs on few digits, and a policy that notes what it was shown."""

import dataclasses

import numpy as np
import pytest
import torch

import curate
from curate import finder
from curate.manifests.manifest import Selected
from curate.networks import learner as learners
from curate.networks.model import Hyperparameters
from curate.selection.policy import Plan
from curate.selection.session import Asked, plan_session
from curate.selection.warm_up import warms_up
from curate.training.batches import Batches
from curate.training.loop import fit

CPU = torch.device("cpu")
QUICK = Hyperparameters(
    n_epochs=6, batch_size=50, optimizer="adam", lr=2e-3, weight_decay=0.0, schedule="cosine"
)


def planned(policy, n=100, n_epochs=20, **asked):
    """A session and its epochs; as published, without a warm-up, where nothing is said of one."""
    plug_in = finder.make("policies", policy)
    if warms_up(plug_in):
        asked = {"warm_up": "0", **asked}
    return plan_session(plug_in, policy, n, n_epochs, Asked(**asked))


@pytest.fixture
def one_thread(set_threads):
    """These networks are so small that a second thread only waits for the first."""
    set_threads(1)


@pytest.fixture(scope="session")
def digits():
    return curate.open_dataset("digits").take(np.arange(300))


@pytest.fixture(scope="session")
def few(digits):
    return digits.take(np.arange(100))


@dataclasses.dataclass
class Spy:
    """A policy for tests: another policy, or a fixed selection, that notes what it was shown."""

    inner: object
    looks: bool = True
    epochs: list = dataclasses.field(default_factory=list)
    available: list = dataclasses.field(default_factory=list)
    losses: list = dataclasses.field(default_factory=list)
    plans: list = dataclasses.field(default_factory=list)

    def plan(self, view):
        self.epochs.append(view.epoch)
        self.available.append(view.available.copy())
        if self.looks:
            self.losses.append(view.losses().copy())
        plan = Plan(self.inner) if isinstance(self.inner, Selected) else self.inner.plan(view)
        self.plans.append(plan)
        return plan


def make(name, **options):
    return finder.make("policies", name, options)


def begin(data, policy, session, hyperparameters=QUICK, *, model="basic-cnn", seed=0, resume=None, width=4):
    """A fresh learner and its epochs to come."""
    learner = learners.build(model, {"width": width} if model == "basic-cnn" else {}, data, seed, CPU)
    return learner, fit(
        learner,
        policy,
        Batches(data, learner),
        available=np.arange(len(data)),
        hyperparameters=hyperparameters,
        seed=seed,
        session=session,
        resume=resume,
    )


def run(data, policy, session, hyperparameters=QUICK, **how):
    learner, epochs = begin(data, policy, session, hyperparameters, **how)
    return learner, list(epochs)
