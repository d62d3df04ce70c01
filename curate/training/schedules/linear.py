"""linear: up from zero in the first fifth of the run, then down to zero, both in straight lines.

Source: Page 2018, "How to train your ResNet" (the schedule of DAWNBench's CIFAR-10 entries).
"""

from dataclasses import dataclass

_RISE = 0.2


@dataclass(frozen=True)
class Linear:
    """It has no options."""

    def __call__(self, fraction: float) -> float:
        if fraction < _RISE:
            return fraction / _RISE
        return max(0.0, (1 - fraction) / (1 - _RISE))
