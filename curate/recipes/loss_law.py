"""What a policy loses in a whole run, from the trials of a shorter pilot: two laws and an interval.

What uniform random draws get is a matter of how often samples are presented: error(p) = floor + c · p^-b,
where p are the presentations of every sample in the mean. It is fitted through full training and less of it,
and a longer run is a point further on.

A policy has a multiple of that error at as many presentations, which is 1 where everything is kept. The
multiples of the pilot can be carried over in two ways: a multiple belongs to the share that is kept, or to
the presentations. The prediction is the mean of both, and the interval spans both.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from curate.artifacts.results import Outcome
from curate.recipes.comparison import budget_of, control_of
from curate.rng import rng

_UNIFORM = ("full", "random")  # what the law of presentations is fitted through

_DRAWS = 400
_SLOPES = (0.1, 3.0)  # the bounds of b
_LEAST_ERROR = 1e-4  # of a trial: less than can be told from none

Errors = Mapping[float, Sequence[float]]  # of each seed, by presentations or by keep
Means = dict[float, float]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Curve:
    """error(p) = floor + c · p^-b, in 0..1, where p are presentations of every sample in the mean."""

    floor: float
    c: float
    b: float

    def error(self, presentations: Floats) -> Floats:
        """The error after so many presentations, one or more."""
        return self.floor + self.c * presentations**-self.b


def fit(errors: Means) -> Curve:
    """The curve through mean errors by presentations: least squares of relative errors, no term negative."""
    from scipy.optimize import minimize_scalar, nnls

    presentations, means = np.array(list(errors)), np.array(list(errors.values()))

    def with_slope(b: float) -> tuple[Floats, float]:
        terms = np.stack([1 / means, presentations**-b / means], axis=1)
        return nnls(terms, np.ones(len(means)))

    b = float(minimize_scalar(lambda b: with_slope(b)[1], bounds=_SLOPES, method="bounded").x)
    floor, c = with_slope(b)[0]
    return Curve(float(floor), float(c), b)


@dataclass(frozen=True)
class Law:
    """What a policy loses in a run of `whole` epochs, from a pilot of `short` ones; losses in 0..1.

    `multiples` are by keep, and none for a policy that draws uniformly.
    """

    curve: Curve
    multiples: Means
    short: float
    whole: float

    def losses(self, keeps: Floats) -> Floats:
        """By keep [n]: where a multiple belongs to the share kept, and to the presentations; [2, n]."""
        error, full = self.curve.error(keeps * self.whole), self.curve.error(np.array([self.whole]))
        same_presentations = np.minimum(1.0, keeps * self.whole / self.short)
        return np.stack([self._multiple(at) * error - full for at in (keeps, same_presentations)])

    def _multiple(self, keeps: Floats) -> Floats:
        """The multiple at each keep: on logarithms a line between those of the pilot; 1 where all is kept."""
        known, multiples = zip(*sorted((self.multiples | {1.0: 1.0}).items()), strict=True)
        return np.exp(np.interp(np.log(keeps), np.log(known), np.log(multiples)))


@dataclass(frozen=True)
class Foresight:
    """The law of a policy, and laws that its pilot could have given with other seeds."""

    law: Law
    drawn: Sequence[Law]

    def intervals(self, keeps: Sequence[float]) -> list[tuple[float, float, float]]:
        """At each keep the low end of the 95% interval of the loss, the loss, and the high end."""
        at = np.array(keeps, dtype=np.float64)
        lows, highs = np.percentile([law.losses(at) for law in self.drawn], [2.5, 97.5], axis=(0, 1))
        means = self.law.losses(at).mean(axis=0)
        return list(zip(lows.tolist(), means.tolist(), highs.tolist(), strict=True))

    def interval(self, keep: float) -> tuple[float, float, float]:
        """The same at one keep."""
        return self.intervals([keep])[0]


def foresee(pilot: Sequence[Outcome], whole: float) -> dict[str, Foresight]:
    """What each method of a pilot loses in a run of `whole` epochs, by name."""
    full = [row for row in pilot if control_of(row) == "full"]
    uniform = _errors((row for row in pilot if control_of(row) in _UNIFORM), _presentations)
    short = _presentations(full[0])
    found = {}
    for name in dict.fromkeys(row.name for row in pilot if control_of(row) != "full"):
        rows = [row for row in pilot if row.name == name]
        if control_of(rows[0]) == "random":
            found[name] = _foresight(uniform, {}, short, whole, name)
        elif control_of(rows[0]) == "early-stop":
            found[name] = _foresight(_errors([*rows, *full], _presentations), {}, short, whole, name)
        else:
            found[name] = _foresight(uniform, _errors(rows, share_of), short, whole, name)
    return found


def share_of(row: Outcome) -> float:
    """What a trial keeps as a share, in 0..1, where its recipe says it as a number of samples too."""
    kept = float(budget_of(row) or 1)
    return kept / row.n if kept > 1 else kept


def _presentations(row: Outcome) -> float:
    """How often a trial was presented with every sample, in the mean."""
    return row.samples_seen / row.n


def _errors(rows: Iterable[Outcome], of: Callable[[Outcome], float]) -> Errors:
    """The errors of each seed, by what is asked of a row."""
    errors: dict[float, list[float]] = {}
    for row in rows:
        errors.setdefault(of(row), []).append(max(_LEAST_ERROR, 1 - row.accuracy))
    return errors


def _foresight(uniform: Errors, own: Errors, short: float, whole: float, name: str) -> Foresight:
    """The law of a method, whose draws are a function of its name.

    A draw moves every mean by what its trials leave open: by Student's t on logarithms, with the one relative
    spread that all cells share, as three trials alone say little of their own.
    """
    cells = [np.log(each) for each in (*uniform.values(), *own.values())]
    freedom = sum(len(each) - 1 for each in cells)
    spread = math.sqrt(sum(float(((each - each.mean()) ** 2).sum()) for each in cells) / max(1, freedom))
    chance = rng(0, "advise", name)

    def moved(errors: Errors, by: float) -> Means:
        means = {}
        for at, each in errors.items():
            off = by / math.sqrt(len(each)) * chance.standard_t(max(1, freedom))
            means[at] = float(np.mean(each)) * math.exp(off)
        return means

    def law(by: float) -> Law:
        curve = fit(moved(uniform, by))
        means = moved(own, by)
        multiples = np.array(list(means.values())) / curve.error(short * np.array(list(means)))
        return Law(curve, dict(zip(means, multiples.tolist(), strict=True)), short, whole)

    return Foresight(law(0.0), [law(spread) for _ in range(_DRAWS)])
