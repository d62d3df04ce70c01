"""Several small models at once on the cores of a CPU, each on its share of the threads.

One small model leaves most of a CPU's threads waiting for each other, several do not
(benchmarks/results/scoring_speed.md). Each ends in the bits that it has alone with as many threads.
"""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import torch

from curate.learner import Learner
from curate.progress import Progress

MOST_PARAMETERS = 1_000_000  # of a model that counts as small

Map = Callable[..., Iterator[Any]]


def how_many(learner: Learner, n_models: int) -> int:
    """How many of `n_models` such as this one are worth computing at once: 1 but for small ones on a CPU."""
    gains = learner.device.type == "cpu" and is_small(learner) and not has_dropout(learner)
    return min(n_models, torch.get_num_threads()) if gains else 1


def is_small(learner: Learner) -> bool:
    """Whether a model is too small to make good use of a whole device."""
    return sum(parameter.numel() for parameter in learner.module.parameters()) <= MOST_PARAMETERS


def has_dropout(learner: Learner) -> bool:
    """Whether a model draws as it trains: several at once would draw from one stream, in any order."""
    return any(isinstance(part, torch.nn.Dropout) for part in learner.module.modules())


@contextmanager
def at_once(jobs: int, progress: Progress) -> Iterator[tuple[Map, Progress]]:
    """`map` for so many threads, and the progress that goes with it; the builtin `map` for one.

    When the block ends, by an error or an interrupt too, work under way ends at its next sign of progress.
    """
    # The first optimizer imports much of torch, which threads cannot do at the same time.
    torch.optim.SGD([torch.zeros(1, requires_grad=True)])
    if jobs == 1:
        yield map, progress
        return
    n_threads, shared = torch.get_num_threads(), _Shared(progress)
    pool = ThreadPoolExecutor(jobs, initializer=torch.set_num_threads, initargs=(n_threads // jobs,))
    try:
        with torch.random.fork_rng(devices=[]):
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
