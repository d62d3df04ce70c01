"""What a policy gets to see at a checkpoint: losses; and the guard, which keeps wrong labels from it.

Losses come from a full pass in evaluation mode, made at most once per checkpoint and only when asked for; or
from the training forward passes since the last selection, which costs nothing. The guard goes by the area
under the margin of each sample (AUM: the mean of label logit minus largest other logit; Pleiss et al. 2020):
low means that the label is likely wrong.
"""

import math
from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from curate.data.identity import Indices, Uids
from curate.errors import CurateError
from curate.selection.policy import Losses
from curate.selection.session import Session
from curate.statistics import centred_ranks, correlation

WARM_UP = 0.1  # of the run, before the guard goes by its margins


class Sight(Protocol):
    """The losses and margins of a run, in whatever loop it is trained: float32 `[n]`, NaN where not known."""

    def latest(self) -> Losses:
        """The loss of each sample at its latest presentation in training, since `forget`."""

    def forget(self) -> None:
        """Count losses anew from here."""

    def full_pass(self, epoch: int) -> Losses:
        """The losses in evaluation mode at the checkpoint of an epoch; `all_observed` of those that exist."""

    def mean_margins(self) -> Losses:
        """The area under the margin of each sample so far."""


class Observer:
    """Answers the policy of one run; `available` are the samples that exist."""

    def __init__(self, sight: Sight, available: Indices, uids: Uids, session: Session, n_epochs: int) -> None:
        self._sight, self._available, self._uids, self._session = sight, available, uids, session
        self._warm_until = max(1, math.ceil(WARM_UP * n_epochs))
        self._in_training = session.observes == "training"
        self._epoch = 0
        self._now: Losses | None = None
        self._at_selection: Losses | None = None
        self._distrusted: npt.NDArray[np.bool_] | None = None

    def losses(self) -> Losses:
        """float32 `[n]` as of this checkpoint; NaN where not observed."""
        if self._now is None:
            self._now = self._sight.latest() if self._in_training else self._sight.full_pass(self._epoch)
            self._check_finite(self._now)
        return self._now

    def arrive(self, epoch: int) -> None:
        """A checkpoint begins: what was seen before is old."""
        self._epoch = epoch
        self._now = None

    def was_used(self) -> None:
        """The policy has selected: losses seen in training are counted anew from here."""
        if self._in_training:
            self._sight.forget()

    def has_moved(self) -> bool:
        """Whether the policy is to be asked at this checkpoint: always, unless the session adapts."""
        limit = self._session.adapt
        if limit is None:
            return True
        before, now = self._at_selection, self.losses()
        if before is not None and _rank_correlation(before, now) >= limit:
            return False
        self._at_selection = now if before is None else np.where(np.isnan(now), before, now)
        return True

    def trusted(self) -> Indices:
        """The samples that a policy may select now: those that exist, without the untrusted ones."""
        self._distrusted = self._lowest_aum()
        if self._distrusted is None:
            return self._available
        return self._available[~self._distrusted[self._available]]

    def _lowest_aum(self) -> npt.NDArray[np.bool_] | None:
        """The samples of lowest AUM so far, bool `[n]`; None where nobody asked, none before the warm-up."""
        if self._session.trust is None:
            return None
        if not self._in_training and self._epoch > 0:
            self.losses()  # the full pass brings the margins
        distrusted = np.zeros(len(self._uids), np.bool_)
        if self._epoch >= self._warm_until:
            aum = self._sight.mean_margins()
            known = self._available[~np.isnan(aum[self._available])]
            n_out = len(self._available) - self._session.n_trusted(len(self._available))
            worst = np.lexsort((known, self._uids[known], aum[known]))[:n_out]
            distrusted[known[worst]] = True
        return distrusted

    def state(self) -> dict[str, Any]:
        """What a resumed run needs beside what its sight keeps: arrays `[n]` by name."""
        parts = {"at_selection": self._at_selection, "distrusted": self._distrusted}
        return {name: value.copy() for name, value in parts.items() if value is not None}

    def load(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """Continue from `state()`."""
        self._at_selection, self._distrusted = state.get("at_selection"), state.get("distrusted")

    def _check_finite(self, losses: Losses) -> None:
        wrong = np.flatnonzero(np.isinf(losses))
        if wrong.size:
            raise CurateError(
                f"the loss of sample {wrong[0]} is not finite at the checkpoint of epoch {self._epoch} "
                f"({len(wrong):,} such samples): use a smaller --lr"
            )


def all_observed(losses: Losses, available: Indices) -> Losses:
    """The losses of a pass over `available`: infinite where they are no number, as NaN is not observed."""
    here = losses[available]
    losses[available] = np.where(np.isnan(here), np.inf, here)
    return losses


def _rank_correlation(before: Losses, now: Losses) -> float:
    """Spearman's, over the samples observed both times.

    Where all losses are equal there are no ranks: 1 if they were equal before as well, else −1.
    """
    both = ~(np.isnan(before) | np.isnan(now))
    ranked = [both.any() and bool(np.ptp(losses[both]) > 0) for losses in (before, now)]
    if not all(ranked):
        return -1.0 if any(ranked) or not both.any() else 1.0
    found = correlation(*(centred_ranks(losses[both]) for losses in (before, now)))
    assert found is not None, "neither is all ties"
    return found
