"""Summaries of trials: mean, spread, median, and the difference to a control with its interval."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Spread:
    """Mean, sample standard deviation (None for one value), median and count."""

    mean: float
    std: float | None
    median: float
    n: int


@dataclass(frozen=True)
class Difference:
    """Mean of paired differences and the ends of its 95% confidence interval (None for one pair)."""

    mean: float
    low: float | None
    high: float | None


def spread(values: Sequence[float]) -> Spread:
    """The summary of some trials."""
    std = statistics.stdev(values) if len(values) > 1 else None
    return Spread(statistics.fmean(values), std, statistics.median(values), len(values))


def paired_difference(ours: Sequence[float], theirs: Sequence[float]) -> Difference:
    """Ours minus theirs, trial by trial; the interval is Student's, for paired samples."""
    from scipy.special import stdtrit

    differences = [one - other for one, other in zip(ours, theirs, strict=True)]
    found = spread(differences)
    if found.std is None:
        return Difference(found.mean, None, None)
    reach = float(stdtrit(found.n - 1, 0.975)) * found.std / found.n**0.5
    return Difference(found.mean, found.mean - reach, found.mean + reach)
