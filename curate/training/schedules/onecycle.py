"""onecycle: up from 1/25 in the first 30% of the run, then down to 1/10,000. Source: Smith and Topin 2018."""

import math
from dataclasses import dataclass

from curate.training.schedule import half_cosine

_RISE, _START, _END = 0.3, 1 / 25, 1e-4


@dataclass(frozen=True)
class Onecycle:
    """It has no options."""

    def __call__(self, fraction: float) -> float:
        if fraction < _RISE:
            return _START + (1 - _START) * 0.5 * (1 - math.cos(math.pi * fraction / _RISE))
        return _END + (1 - _END) * half_cosine((fraction - _RISE) / (1 - _RISE))
