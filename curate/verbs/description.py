"""What `inspect` finds: facts and charts, plain data for the terminal, JSON or a page."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

_LARGEST = 1e300
MANY = 40  # groups beyond which a chart shows their distribution, not each of them


@dataclass(frozen=True)
class Bar:
    """One bar of a chart: what it stands for, its length, and the number in words.

    `mark` is a length to point out on the bar, such as what a fitted curve expects.
    """

    label: str
    value: float
    text: str
    mark: float | None = None


@dataclass(frozen=True)
class Chart:
    """Bars under a title; `full` is the value of a full-length bar (None: the longest one)."""

    title: str
    bars: list[Bar]
    full: float | None = None


@dataclass(frozen=True)
class Description:
    """Facts as (name, value in words), then charts."""

    title: str
    facts: list[tuple[str, str]]
    charts: list[Chart] = field(default_factory=list)
    header: dict[str, Any] | None = None

    def as_dict(self) -> dict[str, Any]:
        """Everything as plain JSON values."""
        facts: dict[str, str] = {}
        for name, text in self.facts:
            facts[name] = f"{facts[name]}; {text}" if name in facts else text
        return {**asdict(self), "facts": facts}


def per_group(title: str, names: Sequence[str], sizes: npt.NDArray[Any]) -> Chart:
    """A bar for each of few groups; of many, how many have how many."""
    if len(names) <= MANY:
        return counts(title, names, sizes.tolist())
    return histogram(f"{title} (how many classes have how many)", sizes)


def histogram(title: str, values: npt.NDArray[Any], n_bins: int = 12) -> Chart:
    """Equal-width bins over the range of the values; whole numbers get whole bins.

    Values that are no numbers, or without end, are counted in the title.
    """
    finite = np.abs(values.astype(np.float64)) < _LARGEST
    if not finite.all():
        title, values = f"{title} ({int((~finite).sum()):,} are no finite number)", values[finite]
    if values.size == 0:
        return Chart(title, [])
    low, high = float(values.min()), float(values.max())
    whole = np.issubdtype(values.dtype, np.integer)
    if whole:
        width = max(1, -(-int(high - low + 1) // n_bins))
        edges = np.arange(int(low), int(high) + width + 1, width).astype(float)
    else:
        edges = np.linspace(low, high if high > low else low + 1, n_bins + 1)
    counts, edges = np.histogram(values, edges)
    bars = [
        Bar(_bin_label(edges[i], edges[i + 1], whole), float(count), f"{count:,}")
        for i, count in enumerate(counts)
    ]
    return Chart(title, bars)


def shares(title: str, names: Sequence[str], kept: Sequence[int], total: Sequence[int]) -> Chart:
    """Kept of total per group, as bars from 0 to 100%."""
    bars = [
        Bar(name, k / t if t else 0.0, f"{k / t if t else 0:6.1%}  {k:,} of {t:,}")
        for name, k, t in zip(names, kept, total, strict=True)
    ]
    return Chart(title, bars, full=1.0)


def counts(title: str, names: Sequence[str], numbers: Sequence[int]) -> Chart:
    """Counts per name."""
    return Chart(title, [Bar(name, n, f"{n:,}") for name, n in zip(names, numbers, strict=True)])


def _bin_label(low: float, high: float, whole: bool) -> str:
    if whole:
        return f"{low:,.0f}" if high - low == 1 else f"{low:,.0f}-{high - 1:,.0f}"
    return f"{low:.4g} to {high:.4g}"
