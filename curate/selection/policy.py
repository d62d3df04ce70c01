"""What a policy is: the contract of the folder policies, what a policy sees and what it answers.

Everything that trains is a policy. A policy is asked at every checkpoint of a run, and keeps nothing between
checkpoints itself: it puts what it wants to remember into its plan, as arrays by name, and finds that in the
next view. So a run that was killed resumes without a line of code in any policy.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, Protocol

import numpy as np
import numpy.typing as npt

from curate.data.identity import Indices, Uids
from curate.errors import CurateError
from curate.manifests.manifest import Selected
from curate.statistics import part_of

Losses = npt.NDArray[np.float32]
Values = npt.NDArray[np.floating]
Memory = Mapping[str, Any]
Observing = Literal["nothing", "evaluation", "training"]
Sizing = Literal["keep", "own", "early"]


@dataclass(frozen=True)
class View:
    """What a policy sees at a checkpoint. Arrays `[n]` hold one value per sample of the dataset.

    `available` are the indices it may select, sorted; `k` is how many to keep; `rng` is its own stream
    for this checkpoint. `losses()` gives float32 `[n]`, the cross-entropy of every sample: of a full
    pass in evaluation mode, paid for when first asked, or, in a run that observes training, of each
    sample's latest presentation since the last selection. NaN is not observed. `memory` is what its last
    plan remembered. `n_presentations` is what the whole run is allowed, `samples_seen` what is spent.
    """

    epoch: int
    n_epochs: int
    available: Indices
    uids: Uids
    k: int
    rng: np.random.Generator
    losses: Callable[[], Losses]
    memory: Memory = field(default_factory=dict)
    samples_seen: int = 0
    n_presentations: int = 0


@dataclass(frozen=True)
class Plan:
    """What to train on until the next checkpoint, and what the policy wants to remember until then.

    Remembered floats `[n]` end up as columns of samples.parquet. `ranking` `[n]` are the values by which the
    samples were ranked, high first; None where chance chose them. A class floor goes by it.
    """

    selected: Selected
    memory: Memory = field(default_factory=dict)
    ranking: Values | None = None


class Policy(Protocol):
    """A policy plug-in: a frozen dataclass whose fields are its options.

    `observes` says whose losses it asks for by default; `sizing` whether it keeps k samples (`keep`),
    decides itself how many (`own`), or trains on all of them for as many presentations (`early`); `period`
    is how often, in epochs, it wants to be asked, None for once in a twentieth of the run.
    """

    observes: ClassVar[Observing]
    sizing: ClassVar[Sizing]
    period: ClassVar[int | None]

    def plan(self, view: View) -> Plan:
        """Which samples until the next checkpoint; asked at epoch 0 and at every checkpoint after it."""


def top(values: Values, among: Indices, k: int, uids: Uids) -> Indices:
    """The `k` indices with the highest values, sorted; ties go to the smaller uid, then index.

    Linear in the number of samples: only the ties at the border are sorted.
    """
    candidates = values[among]
    if k >= len(among):
        return among
    if k == 0:
        return among[:0]
    border = np.partition(candidates, len(candidates) - k)[len(candidates) - k]
    above, tied = among[candidates > border], among[candidates == border]
    first = np.lexsort((tied, uids[tied]))[: k - len(above)]
    return np.sort(np.concatenate([above, tied[first]]))


def draw(among: Indices, k: int, rng: np.random.Generator) -> Indices:
    """`k` of the indices, uniformly without replacement, sorted."""
    return np.sort(rng.choice(among, k, replace=False))


def with_chance(ranked: Values, view: View, epsilon: float) -> tuple[Indices, Values]:
    """(1 − ε)·k samples with the highest values and ε·k drawn uniformly from the rest.

    Returned with the values by which they rank now: the drawn ones above all.
    """
    n_random = part_of(epsilon, view.k)
    best = top(ranked, view.available, view.k - n_random, view.uids)
    rest = np.setdiff1d(view.available, best, assume_unique=True)
    drawn = draw(rest, n_random, view.rng)
    ranking = ranked.copy()
    ranking[drawn] = np.inf
    return np.sort(np.concatenate([best, drawn])), ranking


def smoothed(view: View, alpha: float) -> tuple[Losses, Losses, Losses]:
    """The moving average of the losses: (before, now, values to rank by).

    m ← αu + (1 − α)m, where m starts as the first loss observed; a sample not observed this time keeps
    its m. One that was never observed ranks before all others, so that it is looked at.
    """
    losses = view.losses()
    before = np.asarray(view.memory.get("loss_mean", losses), np.float32)
    before = np.where(np.isnan(before), losses, before)
    now = np.where(np.isnan(losses), before, alpha * losses + (1 - alpha) * before).astype(np.float32)
    return before, now, unseen_first(now, view)


def spread_of(view: View, alpha: float, before: Losses) -> Losses:
    """The moving variance of the losses: v ← (1 − α)v + α(u − m_before)², from 0; unobserved keep theirs."""
    surprise = np.nan_to_num(view.losses() - before)
    seen = ~np.isnan(view.losses())
    variance = np.asarray(view.memory.get("loss_variance", np.zeros_like(before)), np.float32)
    return np.where(seen, (1 - alpha) * variance + alpha * surprise**2, variance).astype(np.float32)


def unseen_first(values: Losses, view: View) -> Losses:
    """The values with those never observed (NaN) above all, in an order drawn at random."""
    unknown = np.flatnonzero(np.isnan(values))
    if unknown.size == 0:
        return values
    ranked = values.copy()
    largest = np.float32(3e38)
    ranked[unknown] = largest * (0.5 + 0.5 * view.rng.random(len(unknown), np.float32))
    return ranked


def check_confidence(value: float) -> None:
    """Refuse a weight of the variance that ranks nothing."""
    if not 0 <= value < float("inf"):
        raise CurateError(f"confidence={value} is out of range: use 0 or more")
