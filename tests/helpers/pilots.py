"""Rows of a pilot in which errors and seconds are functions of what is kept."""

import json
from dataclasses import replace

import numpy as np

from curate.recipes.advise import PILOT_KEEPS
from curate.recipes.loss_law import Curve
from helpers.results import ROW

SEEDS = (0, 1, 2)
SHORT = 20  # epochs of the pilot
CURVE = Curve(floor=0.02, c=0.08, b=1.0)


def uniform(keep):
    """The error of uniform random draws in the pilot."""
    return CURVE.error(SHORT * keep)


def greedy(keep):
    """The error of a policy that is better than uniform draws, the more so the less it keeps."""
    return uniform(keep) * keep**0.2


def trials(name, policy, error, *, seconds, keeps=PILOT_KEEPS, noise=0.0, epochs=SHORT):
    """Rows of a policy that has errors, and takes seconds, as functions of what it keeps say."""
    chance = np.random.default_rng(1)
    return [
        replace(
            ROW,
            key=f"{name}{keep}{seed}",
            name=name,
            seed=seed,
            settings=json.dumps({"policy": policy, "hyperparameters": {"n_epochs": epochs}}),
            varied=json.dumps({"keep": keep} if keep < 1 else {}),
            accuracy=1 - error(keep) * (1 + noise * chance.normal()),
            n=1000,
            n_epochs=epochs,
            samples_seen=round(1000 * keep * epochs),
            n_selected_per_epoch=1000 * keep,
            scoring_seconds=0.0,
            select_seconds=0.0,
            train_seconds=seconds(keep),
        )
        for keep in keeps
        for seed in SEEDS
    ]


FULL = trials("full", "full", uniform, seconds=lambda keep: 360, keeps=(1.0,))
RANDOM = trials("random", "random", uniform, seconds=lambda keep: 360 * keep)
GREEDY = trials("epsilon-greedy", "epsilon-greedy", greedy, seconds=lambda keep: 360 * keep + 18)
EARLY = trials("early stop", "early-stop", uniform, seconds=lambda keep: 360 * keep)
