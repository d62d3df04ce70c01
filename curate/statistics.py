"""Numbers: a share of n as a count, and summaries of trials beside a control."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction


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


def exactly(share: str | float | Fraction) -> Fraction:
    """A share as the decimal that the user wrote: 0.1 is one tenth."""
    return Fraction(str(share))


def part_of(share: str | float | Fraction, n: int, *, up: bool = False) -> int:
    """`share` of `n` as a count: to the nearest whole number, halves up; or `up` to the next one."""
    part = exactly(share) * n
    return -(-part.numerator // part.denominator) if up else int(part + Fraction(1, 2))


def spread(values: Sequence[float]) -> Spread:
    """The summary of some trials."""
    std = statistics.stdev(values) if len(values) > 1 else None
    return Spread(statistics.fmean(values), std, statistics.median(values), len(values))


def paired_difference(ours: Sequence[float], theirs: Sequence[float]) -> Difference:
    """Ours minus theirs, trial by trial; the interval is Student's, for paired samples."""
    from scipy.special import stdtrit

    differences = [one - other for one, other in zip(ours, theirs, strict=True)]
    summary = spread(differences)
    if summary.std is None:
        return Difference(summary.mean, None, None)
    reach = float(stdtrit(summary.n - 1, 0.975)) * summary.std / summary.n**0.5
    return Difference(summary.mean, summary.mean - reach, summary.mean + reach)
