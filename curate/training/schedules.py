"""Learning-rate schedules, as multiples of the largest rate, by fraction of the run.

Fractions of the run, not steps, so that a pruned and a full run follow the same curve.
"""

import math
from collections.abc import Callable

from curate.errors import CurateError
from curate.finder import nearest


def constant(fraction: float) -> float:  # noqa: ARG001  the protocol of a schedule
    """Always the full rate."""
    return 1.0


def multistep(fraction: float) -> float:
    """A fifth of the rate after 30%, 60% and 80% of the run (60, 120 and 160 of 200 epochs)."""
    return float(0.2 ** sum(fraction >= milestone for milestone in (0.3, 0.6, 0.8)))


def cosine(fraction: float) -> float:
    """Down to zero along half a cosine. Source: Loshchilov and Hutter 2017."""
    return 0.5 * (1 + math.cos(math.pi * min(fraction, 1.0)))


def onecycle(fraction: float) -> float:
    """Up from 1/25 in the first 30% of the run, then down to 1/10,000. Source: Smith and Topin 2018."""
    rise, start, end = 0.3, 1 / 25, 1e-4
    if fraction < rise:
        return start + (1 - start) * 0.5 * (1 - math.cos(math.pi * fraction / rise))
    return end + (1 - end) * cosine((fraction - rise) / (1 - rise))


SCHEDULES: dict[str, Callable[[float], float]] = {
    "constant": constant,
    "cosine": cosine,
    "multistep": multistep,
    "onecycle": onecycle,
}


def schedule(name: str) -> Callable[[float], float]:
    """The schedule called `name`: from the fraction of the run, 0 to 1, to a multiple of the rate."""
    if name not in SCHEDULES:
        raise CurateError(f"there is no schedule '{name}': {nearest(name, SCHEDULES)}")
    return SCHEDULES[name]
