"""How long training takes here: a few steps of a copy of the network, of which the fastest counts."""

import copy
import math
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import torch
from torch.nn import functional

from curate.data.identity import Indices
from curate.networks.learner import Learner
from curate.networks.model import Hyperparameters
from curate.training.batches import Batches
from curate.training.optimizer import optimizer_of

WORTH_SAYING = 60.0  # seconds
_MOST, _MOST_PIXELS = 32, 2**18  # samples of a step, and more where they are small
_STEPS, _TRYING = 20, 1.0  # steps at most, and seconds after which no other is tried


def forecast(
    learner: Learner,
    batches: Batches,
    available: Indices,
    hyperparameters: Hyperparameters,
    n_presentations: float,
) -> str:
    """So many presentations in words of time; empty where they take less than a minute, or nobody can tell.

    The network is not changed, and no stream of random numbers is.
    """
    if n_presentations <= 0:
        return ""
    height, width = learner.input_size
    most = max(_MOST, _MOST_PIXELS // (height * width))
    rows = available[: min(most, hyperparameters.batch_size)]
    with _streams_kept():
        try:
            module = copy.deepcopy(learner.module).train()
        except Exception:  # noqa: BLE001  a network of the user's may hold anything, locks and files too
            return ""
        trial = replace(learner, module=module)
        optimizer = optimizer_of(trial.module.parameters(), hyperparameters)
        fastest = math.inf
        began = time.perf_counter()
        for step in range(_STEPS):
            started = time.perf_counter()
            if step > 1 and started - began > _TRYING:
                break
            for batch in batches.plain(rows, len(rows)):
                optimizer.zero_grad(set_to_none=True)
                functional.cross_entropy(trial.logits(batch.images), batch.labels).backward()
                optimizer.step()
            if learner.device.type == "cuda":
                torch.cuda.synchronize(learner.device)
            fastest = min(fastest, time.perf_counter() - started)
    seconds = fastest / len(rows) * n_presentations
    return f"about {_in_words(seconds)}" if seconds >= WORTH_SAYING else ""


@contextmanager
def _streams_kept() -> Iterator[None]:
    """The streams of torch, numpy and Python afterwards are as before."""
    of_python, of_numpy = random.getstate(), np.random.get_state()  # noqa: NPY002  a network may draw from it
    try:
        with torch.random.fork_rng():
            yield
    finally:
        random.setstate(of_python)
        np.random.set_state(of_numpy)  # noqa: NPY002


def _in_words(seconds: float) -> str:
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 86_400 else f"{seconds / 86_400:.1f} days"
