"""Several small models at once on the cores of a CPU, each on its share of the threads.

One small model leaves a CPU's threads waiting for each other, several do not: measured with two of them
(benchmarks/results/scoring_speed.md). Each ends in the bits that it has alone with as many threads.
"""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from curate import finder
from curate.networks.learner import Learner
from curate.progress import Progress

MOST_PARAMETERS = 1_000_000  # of a model that counts as small
_DROPOUT = (nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, nn.AlphaDropout, nn.FeatureAlphaDropout)

Map = Callable[..., Iterator[Any]]


def how_many(learner: Learner, n_models: int) -> int:
    """How many of `n_models` such as this one are worth computing at once: 1 but for small ones on a CPU."""
    gains = learner.device.type == "cpu" and is_small(learner) and not draws(learner)
    return min(n_models, torch.get_num_threads()) if gains else 1


def is_small(learner: Learner) -> bool:
    """Whether a model is too small to make good use of a whole device."""
    return sum(parameter.numel() for parameter in learner.module.parameters()) <= MOST_PARAMETERS


def draws(learner: Learner) -> bool:
    """Whether a model draws as it trains, as dropout does: several at once would draw from one stream.

    Of a network from outside nobody can tell.
    """
    if not finder.is_ours("models", learner.model):
        return True
    return any(isinstance(part, (*_DROPOUT, nn.RReLU)) for part in learner.module.modules())


def threads_each(n_at_once: int) -> int:
    """The threads of each of so many models at once."""
    return torch.get_num_threads() // n_at_once


@contextmanager
def at_once(n_at_once: int, progress: Progress) -> Iterator[tuple[Map, Progress]]:
    """`map` for so many threads, and the progress that goes with it; the builtin `map` for one.

    When the block ends, by an error or an interrupt too, work under way ends at its next sign of progress.
    """
    if n_at_once == 1:
        yield map, progress
        return
    n_threads, shared = torch.get_num_threads(), _Shared(progress)
    pool = ThreadPoolExecutor(
        n_at_once, initializer=torch.set_num_threads, initargs=(threads_each(n_at_once),)
    )
    with torch.random.fork_rng(devices=[]):  # around the threads, which set and restore the same state
        try:
            yield pool.map, shared
        finally:
            shared.halted.set()
            pool.shutdown(cancel_futures=True)
            torch.set_num_threads(n_threads)


class _HaltedError(Exception):
    """Ends a thread whose work nobody waits for any more."""


class _Shared(Progress):
    """The progress of several threads: one speaks at a time, and none goes on once they are halted."""

    def __init__(self, progress: Progress) -> None:
        self._progress, self._lock = progress, threading.Lock()
        self.halted = threading.Event()

    def advance(self, steps: int = 1, **live: float | str) -> None:
        """`steps` more are done."""
        if self.halted.is_set():
            raise _HaltedError
        with self._lock:
            self._progress.advance(steps, **live)

    def note(self, text: str) -> None:
        """One line of talk for the user."""
        with self._lock:
            self._progress.note(text)
