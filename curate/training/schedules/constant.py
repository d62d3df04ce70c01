"""constant: always the full rate."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Constant:
    """It has no options."""

    def __call__(self, fraction: float) -> float:
        return 1.0
