"""cosine: down to zero along half a cosine. Source: Loshchilov and Hutter 2017."""

from dataclasses import dataclass

from curate.training.schedule import half_cosine


@dataclass(frozen=True)
class Cosine:
    """It has no options."""

    def __call__(self, fraction: float) -> float:
        return half_cosine(fraction)
