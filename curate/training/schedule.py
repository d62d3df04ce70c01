"""What a learning-rate schedule is: the contract of the folder schedules.

A schedule gives multiples of the largest rate by fraction of the run, not by steps, so that a pruned and a
full run follow the same curve.
"""

import math
from typing import Protocol

from curate import finder


class Schedule(Protocol):
    """A schedule plug-in: a frozen dataclass whose fields are its options."""

    def __call__(self, fraction: float) -> float:
        """The multiple of the largest rate after this fraction of the run, 0 to 1."""


def schedule(name: str) -> Schedule:
    """The schedule called `name`."""
    made: Schedule = finder.make("schedules", name)
    return made


def half_cosine(fraction: float) -> float:
    """From 1 down to 0 along half a cosine; 0 beyond the end."""
    return 0.5 * (1 + math.cos(math.pi * min(fraction, 1.0)))
