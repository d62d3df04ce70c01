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


def first_with_class_floor(order: Indices, labels: npt.NDArray[np.int64], share: float, k: int) -> Indices:
    """The `k` that are kept of a ranking `[n]` where no class may starve, sorted.

    The ranking is changed as little as needed so that every prefix keeps a floor for every class: among the
    first k, a class with n_c of n samples has at least ⌊share · k · n_c / n⌋. Source: the class balancing of
    Sorscher et al. 2022 (share 0.5), made exact for every budget at once.

    The j-th best of a class must stand no later than place ⌈j · n / (share · n_c)⌉, its deadline. Those
    deadlines can always be met; with the least disorder, by Lawler's rule (1973), which puts the worst-ranked
    sample whose deadline allows it last. The first k of that order are found without the order: they have all
    samples whose deadline is k or less; then, for each later place d at which more deadlines have passed than
    there were places since k, as many more of the best-ranked with a deadline up to d; then the best-ranked.
    """
    check_share(share)
    n = len(order)
    if share == 0 or k >= n:
        return np.sort(order[:k])
    classes = _ByClass(order, labels, share)
    taken = classes.n_due(k)
    for place, n_more in _crowded(classes, k, taken):
        _take_best(classes, taken, n_more, classes.n_due(place))
    kept = classes.ranks_of_first(taken)
    rest = np.flatnonzero(~kept)[: k - int(taken.sum())]
    kept[rest] = True
    return np.sort(order[kept])


class _ByClass:
    """The samples of each class that has any, by rank, and when they are due.

    `first` and `sizes` are where the members of a class begin in `members`, which are ranks, and how many.
    """

    def __init__(self, order: Indices, labels: npt.NDArray[np.int64], share: float) -> None:
        self.n = len(order)
        counts = np.bincount(labels)
        there = np.flatnonzero(counts)
        narrow = np.min_scalar_type(max(1, len(there) - 1))
        numbers = np.zeros(len(counts), narrow)
        numbers[there] = np.arange(len(there))
        self.sizes = counts[there]
        self.first = np.cumsum(self.sizes) - self.sizes
        self.members = np.argsort(numbers[labels][order], kind="stable")
        self.share = Fraction(share).limit_denominator(10**6)

    def n_due(self, place: int) -> Indices:
        """How many samples of each class have their deadline at a place or before, which is not the last."""
        num, den = self.share.numerator, self.share.denominator
        exact = [place * num * size // (self.n * den) for size in self.sizes.tolist()]
        return np.array(exact, np.int64)

    def due(self, classes: Indices, ordinals: Indices) -> Indices:
        """The deadline of the j-th best of a class, for `classes` and `ordinals` j, both `[m]`."""
        num, den = self.share.numerator, self.share.denominator
        fits = (int(ordinals.max(initial=0)) + 1) * self.n * den < 2**63 and num * self.n < 2**63
        kind = np.int64 if fits else object
        ahead = ordinals.astype(kind) * (self.n * den)
        return (-(-ahead // (num * self.sizes[classes].astype(kind)))).astype(np.int64)

    def ranks_of_first(self, taken: Indices) -> npt.NDArray[np.bool_]:
        """Whether each rank is that of one of the first `taken` of its class."""
        is_one = np.zeros(self.n, np.bool_)
        for start, stop in zip(self.first.tolist(), (self.first + taken).tolist(), strict=True):
            is_one[self.members[start:stop]] = True
        return is_one


def _crowded(classes: _ByClass, k: int, taken: Indices) -> list[tuple[int, int]]:
    """The places behind k at which more samples must stand before k than so far, and how many more.

    Deadlines come at a rate of `share` a place, give or take one for each class: so they are soon past.
    """
    slack = 1 - classes.share
    far = k + int(len(taken) / slack) + 1 if slack else classes.n
    last = min(classes.n - 1, far)
    more = classes.n_due(last) - taken
    of_class = np.repeat(np.arange(len(taken)), more)
    ordinals = np.arange(len(of_class)) - np.repeat(np.cumsum(more) - more, more) + taken[of_class] + 1
    due = np.sort(classes.due(of_class, ordinals))
    needed = np.arange(1, len(due) + 1) - (due - k)  # beyond those that are due at k
    most = np.maximum.accumulate(np.maximum(needed, 0))
    rises = np.flatnonzero(np.diff(most, prepend=0))
    is_last = np.append(due[1:] != due[:-1], True)[rises] if len(due) else rises.astype(np.bool_)
    rises = rises[is_last]
    steps = np.diff(most[rises], prepend=0)
    return list(zip(due[rises].tolist(), steps.tolist(), strict=True))


def _take_best(classes: _ByClass, taken: Indices, n_more: int, due: Indices) -> None:
    """Take so many more, the best-ranked of those that are `due`, `[classes]` of which are."""
    ready = [
        (int(classes.members[classes.first[one] + taken[one]]), int(one))
        for one in np.flatnonzero(taken < due)
    ]
    heapq.heapify(ready)
    for _ in range(n_more):
        _, one = heapq.heappop(ready)
        taken[one] += 1
        if taken[one] < due[one]:
            heapq.heappush(ready, (int(classes.members[classes.first[one] + taken[one]]), one))


def check_share(share: float) -> None:
    """Refuse a class floor outside 0 to 1."""
    if not 0 <= share <= 1:
        raise CurateError(f"class-floor={share} is not a share: use 0 <= class-floor <= 1")


def check_fraction(name: str, value: float) -> None:
    """Refuse an option that is no fraction."""
    if not 0 <= value <= 1:
        raise CurateError(f"{name}={value} is not a fraction: use 0 <= {name} <= 1")
