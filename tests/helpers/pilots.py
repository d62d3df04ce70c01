"""Rows of a pilot in which policies lose, and take, as functions of what they keep say."""

import json
from dataclasses import replace

import numpy as np

from curate.recipes.advise import PILOT_KEEPS
from curate.recipes.loss_law import Law
from helpers.results import ROW

SEEDS = (0, 1, 2)
LAW = Law(0.02, 0.8)


def trials(name, policy, loss, *, seconds, keeps=PILOT_KEEPS, noise=0.0):
    """Rows of a pilot in which a policy loses, and takes, as functions of what it keeps say."""
    chance = np.random.default_rng(1)
    rows = []
    for keep in keeps:
        for seed in SEEDS:
            full = 0.95 + 0.001 * seed
            rows.append(
                replace(
                    ROW,
                    key=f"{name}{keep}{seed}",
                    name=name,
                    seed=seed,
                    settings=json.dumps({"policy": policy, "hyperparameters": {"n_epochs": 20}}),
                    varied=json.dumps({"keep": keep} if keep < 1 else {}),
                    accuracy=full - loss(keep) + noise * chance.normal(),
                    n=1000,
                    n_selected_per_epoch=1000 * keep,
                    scoring_seconds=0.0,
                    select_seconds=0.0,
                    train_seconds=seconds(keep),
                )
            )
    return rows


FULL = trials("full", "full", lambda keep: 0, seconds=lambda keep: 360, keeps=(1.0,))
RANDOM = trials("random", "random", LAW.loss, seconds=lambda keep: 360 * keep)
GREEDY = trials(
    "epsilon-greedy", "epsilon-greedy", lambda keep: LAW.loss(keep) / 4, seconds=lambda keep: 360 * keep + 18
)
EARLY = trials("early stop", "early-stop", lambda keep: 2 * LAW.loss(keep), seconds=lambda keep: 360 * keep)
