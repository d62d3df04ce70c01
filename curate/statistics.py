"""Numbers: a share of n as a count, and summaries of trials beside a control."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Spread:
    """Mean, sample standard deviation (None for one value), median and count."""

    mean: float
    std: float | None
    median: float
    n: int


@dataclass(frozen=True)
class Difference:
    """Mean of paired differences, the ends of its 95% confidence interval, and the p value of no difference.

    All but the mean are None for one pair.
    """

    mean: float
    low: float | None
    high: float | None
    p_value: float | None = None


def exactly(share: str | float | Fraction) -> Fraction:
    """A share as the decimal that the user wrote: 0.1 is one tenth."""
    return Fraction(str(share))


def part_of(share: str | float | Fraction, n: int, *, up: bool = False) -> int:
    """`share` of `n` as a count: to the nearest whole number, halves up; or `up` to the next one."""
    part = exactly(share) * n
    return -(-part.numerator // part.denominator) if up else int(part + Fraction(1, 2))


def centred_ranks(values: Values) -> npt.NDArray[np.float64]:
    """The rank of each value less the mean of all, `[n]`; equal values share the mean of their ranks."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks: npt.NDArray[np.float64] = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    return ranks - (len(values) + 1) / 2


def correlation(one: Values, other: Values) -> float | None:
    """That of centred values `[n]`, of ranks Spearman's; None where one of them is all zero."""
    size = float(one @ one) * float(other @ other)
    return None if size == 0 else float(np.clip(one @ other / np.sqrt(size), -1, 1))


def spread(values: Sequence[float]) -> Spread:
    """The summary of some trials."""
    std = statistics.stdev(values) if len(values) > 1 else None
    return Spread(statistics.fmean(values), std, statistics.median(values), len(values))


def paired_difference(ours: Sequence[float], theirs: Sequence[float]) -> Difference:
    """Ours minus theirs, trial by trial; the interval and the p value are Student's, for paired samples."""
    from scipy.special import stdtr, stdtrit

    differences = [one - other for one, other in zip(ours, theirs, strict=True)]
    summary = spread(differences)
    if summary.std is None:
        return Difference(summary.mean, None, None)
    error = summary.std / summary.n**0.5
    reach = float(stdtrit(summary.n - 1, 0.975)) * error
    if error == 0:
        p_value = 1.0 if summary.mean == 0 else 0.0
    else:
        p_value = 2 * float(stdtr(summary.n - 1, -abs(summary.mean) / error))
    return Difference(summary.mean, summary.mean - reach, summary.mean + reach, p_value)


def holm(p_values: Sequence[float | None], level: float = 0.05) -> list[bool]:
    """Which of several comparisons are significant together: Holm 1979. None is not to be told."""
    known = sorted((value, place) for place, value in enumerate(p_values) if value is not None)
    significant = [False] * len(p_values)
    for rank, (value, place) in enumerate(known):
        if value > level / (len(known) - rank):
            break
        significant[place] = True
    return significant


def interpolated(x: float, points: Sequence[tuple[float, float]]) -> float | None:
    """The y at `x` on the line through points (x, y) in order of x; None outside of them."""
    ordered = sorted(points)
    for (left, low), (right, high) in pairwise(ordered):
        if left <= x <= right:
            return low if left == right else low + (high - low) * (x - left) / (right - left)
    return None
