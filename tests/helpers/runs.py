"""What the tests of training share: a quick run of the loop, and a policy that never changes its mind."""

import dataclasses

import numpy as np

from curate import finder
from curate.manifests.manifest import Selected
from curate.networks import learner as learners
from curate.networks.model import Hyperparameters
from curate.selection.policy import Plan, View
from curate.selection.session import Session
from curate.training.batches import Batches
from curate.training.loop import fit
from helpers.sessions import CPU

QUICK = Hyperparameters(
    n_epochs=2, batch_size=32, optimizer="adam", lr=2e-3, weight_decay=0.0, schedule="cosine"
)


def run(data, hyperparameters=QUICK, seed=0, policy=None, model="basic-cnn", session=Session()):
    learner = learners.build(model, {}, data, seed, CPU)
    policy = policy or finder.make("policies", "full")
    epochs = fit(
        learner,
        policy,
        Batches(data, learner),
        available=np.arange(len(data)),
        hyperparameters=hyperparameters,
        seed=seed,
        session=session,
    )
    return learner, list(epochs)


@dataclasses.dataclass
class Fixed:
    """A policy for tests: the same selection, renewed at every epoch."""

    selected: Selected
    asked: list

    observes = "nothing"
    sizing = "own"
    period = 1

    def plan(self, view: View) -> Plan:
        self.asked.append(view.epoch)
        return Plan(self.selected)
