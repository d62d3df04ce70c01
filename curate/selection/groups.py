"""Groups: how often a session selects each sample, counted, and as three fitted components.

The counts come first: selected at no checkpoint, at all of them, or between. How often each sample is
selected, over all checkpoints of one or several trials, is then fitted with a mixture of three normals
truncated to [0, checkpoints], by maximum likelihood. Counts are whole numbers, so a normal gives a count the
mass it has within half a count of it: the likelihood stays finite where all counts are equal. Its components
are called never, sometimes and always, as in the paper; a component has a spread, so that some of `never` are
selected now and then. Source: Raju et al. 2021, "Accelerating Deep Learning with Dynamic Data Pruning".
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

GROUPS = ("never", "sometimes", "always")
_N_FREE = 8  # numbers that the fit is free to choose
FEWEST_CHECKPOINTS = _N_FREE  # for a fit
_EDGE = 0.2  # of the range: how far from its end the mean of never, or always, may lie
_MIDDLE = (0.1, 0.9)  # of the range: where the mean of sometimes may lie
_NARROWEST = 0.25  # counts
_LEAST = 1e-300  # a likelihood whose logarithm is finite

Counts = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Groups:
    """The fitted mixture, in the order never, sometimes, always.

    `weights`, `means` and `stds` are `[3]`, the latter two in checkpoints. `posterior` `[checkpoints + 1, 3]`
    gives for each count how likely it comes from which group; `expected` `[checkpoints + 1]` is the share
    of samples that the mixture puts at each count. `log_likelihood` is that of all `n` counts under the
    mixture, `random_log_likelihood` where every checkpoint draws as many at random.
    """

    n: int
    n_checkpoints: int
    weights: Floats
    means: Floats
    stds: Floats
    posterior: Floats
    expected: Floats

    log_likelihood: float
    random_log_likelihood: float

    @property
    def random_explains(self) -> bool:
        """Whether a plain random draw of as many at every checkpoint explains the counts as well.

        By the Bayesian information criterion: the fit has eight free numbers, and chance has none.
        """
        gain = self.log_likelihood - self.random_log_likelihood
        return bool(2 * gain <= _N_FREE * np.log(self.n))

    def of(self, counts: Counts) -> npt.NDArray[np.str_]:
        """The likeliest group of each sample; a draw counts as sometimes."""
        likeliest = np.argmax(self.posterior[:, [1, 0, 2]], axis=1)
        return np.array(GROUPS)[np.array([1, 0, 2])[likeliest]][counts]

    def summary(self) -> dict[str, dict[str, float]]:
        """Weight, mean and spread by name, as plain numbers."""
        rows = zip(GROUPS, self.weights, self.means, self.stds, strict=True)
        return {
            name: {"weight": round(float(w), 6), "mean": round(float(m), 6), "std": round(float(s), 6)}
            for name, w, m, s in rows
        }


def fit_groups(counts: Counts, n_checkpoints: int) -> Groups:
    """Fit selection counts `[n]`, each 0 to `n_checkpoints`.

    The likelihood is climbed from several starts, and the highest end is taken; the same counts always
    give the same fit.
    """
    from scipy.optimize import minimize

    assert n_checkpoints >= 1, "groups need a checkpoint"  # and a user FEWEST_CHECKPOINTS
    assert counts.min() >= 0, "counts are not negative"
    assert counts.max() <= n_checkpoints, "no sample is selected more often than there are checkpoints"
    share = np.bincount(counts, minlength=n_checkpoints + 1) / len(counts)
    top = float(n_checkpoints)

    low, high = np.log(_NARROWEST), np.log(max(top, 2 * _NARROWEST))
    narrow = np.log(max(_EDGE * top, 2 * _NARROWEST))
    bounds = [(-12, 12), (-12, 12), (0, _EDGE * top), (_MIDDLE[0] * top, _MIDDLE[1] * top)]
    bounds += [((1 - _EDGE) * top, top), (low, narrow), (low, high), (low, narrow)]
    average = float(np.clip(share @ np.arange(top + 1), _MIDDLE[0] * top, _MIDDLE[1] * top))
    starts = [
        np.array([0.0, 0.0, edge * top, middle, (1 - edge) * top, *np.log([end, wide, end])])
        for edge in (0.0, 0.1)
        for middle in (average, top / 2)
        for wide in (max(0.1 * top, 0.5), max(0.3 * top, 0.5))
        for end in (max(0.05 * top, 2 * _NARROWEST),)
    ]
    ends = [
        minimize(_loss, start, (share, n_checkpoints), method="L-BFGS-B", jac=True, bounds=bounds)
        for start in starts
    ]
    weights, means, stds = _unpacked(min(ends, key=lambda end: float(end.fun)).x)
    masses = _masses(means, stds, n_checkpoints) * weights
    expected = masses.sum(axis=1)
    # Where no group reaches, the nearest one stands for the count.
    distance = np.abs(np.arange(n_checkpoints + 1)[:, None] - means) / stds
    nearest = np.eye(3)[np.argmin(np.where(weights > 1e-9, distance, np.inf), axis=1)]
    reached = expected > 1e-200
    posterior = np.where(reached[:, None], masses / np.where(reached, expected, 1)[:, None], nearest)
    n, seen = len(counts), share > 0
    return Groups(
        n=n,
        n_checkpoints=n_checkpoints,
        weights=weights,
        means=means,
        stds=stds,
        posterior=posterior,
        expected=expected,
        log_likelihood=float(n * (share[seen] @ np.log(np.maximum(expected[seen], _LEAST)))),
        random_log_likelihood=float(n * (share[seen] @ _log_binomial(counts.mean(), n_checkpoints)[seen])),
    )


def plain_counts(counts: Counts, n_checkpoints: int) -> dict[str, int]:
    """How many samples were selected at no checkpoint, at all of them, and between."""
    none, every = int((counts == 0).sum()), int((counts == n_checkpoints).sum())
    return {"none": none, "between": len(counts) - none - every, "all": every}


def count_selected(selections: Sequence[Counts] | Any, n: int) -> Counts:
    """How many of the selections (index arrays) each of `n` samples is in."""
    counts = np.zeros(n, np.int64)
    for indices in selections:
        counts[indices] += 1
    return counts


def columns(groups: Groups, counts: Counts) -> dict[str, npt.NDArray[Any]]:
    """Columns of samples.parquet: the likeliest group of each sample, and how likely it is of each."""
    posterior = groups.posterior[counts].astype(np.float32)
    named = {f"p_{name}": posterior[:, place] for place, name in enumerate(GROUPS)}
    return {"group": groups.of(counts), **named}


def _log_binomial(mean: float, n_checkpoints: int) -> Floats:
    """Log-probability of each count, `[checkpoints + 1]`, where every checkpoint draws a sample by chance."""
    from scipy.special import gammaln, xlog1py, xlogy

    counts = np.arange(n_checkpoints + 1)
    rate = mean / n_checkpoints
    ways = gammaln(n_checkpoints + 1) - gammaln(counts + 1) - gammaln(n_checkpoints - counts + 1)
    chances: Floats = ways + xlogy(counts, rate) + xlog1py(n_checkpoints - counts, -rate)
    return chances


def _unpacked(parameters: Floats) -> tuple[Floats, Floats, Floats]:
    """Weights, means and standard deviations from the eight free numbers."""
    logits = np.array([parameters[0], 0.0, parameters[1]])
    weights = np.exp(logits - logits.max())
    return weights / weights.sum(), parameters[2:5], np.exp(parameters[5:8])


def _loss(parameters: Floats, share: Floats, n_checkpoints: int) -> tuple[float, Floats]:
    """Minus the mean log-likelihood of counts that have this `share` each, and its slope `[8]`."""
    weights, means, stds = _unpacked(parameters)
    z, inside, total = _standardized(means, stds, n_checkpoints)
    density = np.exp(-0.5 * z**2) / np.sqrt(2 * np.pi)
    by_mean = -_slope_of_ratio(density, inside, total) / stds
    by_log_std = -_slope_of_ratio(z * density, inside, total)
    likelihood = inside @ weights
    pull = np.where(likelihood > _LEAST, -share / np.maximum(likelihood, _LEAST), 0.0)
    by_weight = pull @ inside
    by_logit = weights * (by_weight - weights @ by_weight)
    slope = [by_logit[[0, 2]], (pull @ by_mean) * weights, (pull @ by_log_std) * weights]
    return -float(share @ np.log(np.maximum(likelihood, _LEAST))), np.concatenate(slope)


def _slope_of_ratio(density: Floats, inside: Floats, total: Floats) -> Floats:
    """How the mass within each count, `[checkpoints + 1, 3]`, moves with its edges and with the total."""
    moved: Floats = (np.diff(density, axis=0) - inside * (density[-1] - density[0])) / total
    return moved


def _standardized(means: Floats, stds: Floats, n_checkpoints: int) -> tuple[Floats, Floats, Floats]:
    """The edges of the counts in standard deviations, `[checkpoints + 2, 3]`; the masses; and their total."""
    from scipy.special import ndtr

    edges = np.clip(np.arange(n_checkpoints + 2) - 0.5, 0, n_checkpoints)[:, None]
    z = (edges - means) / stds
    low, high = z[:-1], z[1:]
    far = low > 0  # above the mean, where 1 - tail would leave nothing of the tail
    inside = np.where(far, ndtr(-low) - ndtr(-high), ndtr(high) - ndtr(low))
    total = inside.sum(axis=0)
    return z, inside / total, total


def _masses(means: Floats, stds: Floats, n_checkpoints: int) -> Floats:
    """The mass `[checkpoints + 1, 3]` of each truncated normal within half a count of each count."""
    return _standardized(means, stds, n_checkpoints)[1]
