"""Budgets: how many samples to keep, and how a ranking is cut so that no class starves.

Strategies rank all samples, best first; a budget of k keeps the first k. A smaller budget is therefore
always a prefix of a larger one.
"""

import heapq
import re
from decimal import Decimal
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from curate.data.identity import Indices
from curate.errors import CurateError
from curate.progress import Progress
from curate.statistics import part_of

_MANY = 2**62
_PERCENT = re.compile(r"(\d+(?:\.\d*)?|\.\d+)\s*%")


def in_shares(keep: str | float | int) -> str:
    """What is kept, as text without percent signs: `30%` is 0.3, and `20%:60%` is 0.2:0.6."""
    text = str(keep).strip()
    for percent in _PERCENT.findall(text):
        if not 0 < Decimal(percent) <= 100:
            raise CurateError(f"keep={text} is no share: use more than 0% and at most 100%")
    return _PERCENT.sub(lambda found: format((Decimal(found[1]) / 100).normalize(), "f"), text)


def likely_slip(keep: str, n: int, n_classes: int) -> str | None:
    """What to ask about a count that is so small that a share may have been meant; None where it is not."""
    for part in keep.split(":"):
        k = count_to_keep(part, n)
        is_percent = k <= 100 and 20 * k < n  # as many percent would be another thing altogether
        if Fraction(part) > 1 and (100 * k < n or k < 2 * n_classes or is_percent):
            share = f": for a share say {part}% or {k / 100:g}" if k <= 100 else ""
            few = f", fewer than two for each of {n_classes:,} classes" if k < 2 * n_classes else ""
            return f"keep={part} is a count, {k:,} of {n:,} samples ({k / n:.2%}){few}{share}"
    return None


def ask_about(keep: str | float | int, n: int, n_classes: int, progress: Progress) -> None:
    """Ask the user about a count where a share may have been meant."""
    if slip := likely_slip(in_shares(keep), n, n_classes):
        progress.ask(slip)


def check_keep(keep: str | float | int | None) -> None:
    """Refuse what can be no budget of any dataset, before one is opened."""
    for part in [] if keep is None else in_shares(keep).split(":"):
        count_to_keep(part, _MANY)


def count_to_keep(keep: str | float | int, n: int) -> int:
    """How many of `n` samples `keep` means: a fraction in (0, 1], a percentage, or a count of 2 to n."""
    text = in_shares(keep)
    try:
        value = Fraction(text)
    except (ValueError, ZeroDivisionError):
        raise CurateError(f"keep={text} is not a number: use a fraction such as 0.3, or a count") from None
    if value > 1 and value.denominator == 1 and "." not in text:
        if value > n:
            raise CurateError(f"keep={text} is more than the {n:,} samples there are: use {n:,} or fewer")
        return int(value)
    if not 0 < value <= 1:
        raise CurateError(f"keep={text} is not a fraction: use 0 < keep <= 1, or a count of samples")
    return max(1, part_of(value, n))


def with_class_floor(order: Indices, labels: npt.NDArray[np.int64], share: float) -> Indices:
    """The ranking, changed as little as needed so that every prefix keeps a floor for every class.

    Among the first k, a class with n_c of n samples has at least ⌊share · k · n_c / n⌋. Source: the
    class balancing of Sorscher et al. 2022 (share 0.5), made exact for every budget at once.

    The j-th best sample of a class must stand no later than place ⌈j · n / (share · n_c)⌉. These
    deadlines can always be met, and Lawler's rule (1973) meets them with the least disorder: from the
    last place to the first, put there the worst-ranked sample whose deadline allows it.
    """
    check_share(share)
    if share == 0:
        return order
    n = len(order)
    ratio = Fraction(share).limit_denominator(10**6)
    sizes = np.bincount(labels)
    of_rank = labels[order]
    by_class = np.argsort(of_rank, kind="stable")
    place_in_class = np.empty(n, np.int64)
    first = np.cumsum(sizes) - sizes
    place_in_class[by_class] = np.arange(n) - np.repeat(first, sizes)
    due = -(-(place_in_class + 1) * n * ratio.denominator // (ratio.numerator * sizes[of_rank]))
    due = np.minimum(due, n)
    latest_first = np.argsort(-due, kind="stable")
    ready: list[int] = []
    result = np.empty(n, np.int64)
    waiting = 0
    for place in range(n, 0, -1):
        while waiting < n and due[latest_first[waiting]] >= place:
            heapq.heappush(ready, -int(latest_first[waiting]))
            waiting += 1
        result[place - 1] = order[-heapq.heappop(ready)]
    return result


def check_share(share: float) -> None:
    """Refuse a class floor outside 0 to 1."""
    if not 0 <= share <= 1:
        raise CurateError(f"class-floor={share} is not a share: use 0 <= class-floor <= 1")


def check_fraction(name: str, value: float) -> None:
    """Refuse an option that is no fraction."""
    if not 0 <= value <= 1:
        raise CurateError(f"{name}={value} is not a fraction: use 0 <= {name} <= 1")
