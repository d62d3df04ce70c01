"""multistep: a fifth of the rate after 30%, 60% and 80% of the run (60, 120 and 160 of 200 epochs)."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Multistep:
    """It has no options."""

    def __call__(self, fraction: float) -> float:
        return float(0.2 ** sum(fraction >= milestone for milestone in (0.3, 0.6, 0.8)))
