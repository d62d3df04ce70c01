"""What a policy gets to see at a checkpoint: losses; and the guard, which keeps wrong labels from it.

Losses come from a full pass in evaluation mode, without augmentation and at a fixed batch size, made at
most once per checkpoint and only when asked for; or from the book of the run, which has those of the
training forward passes since the last selection and costs nothing. The guard goes by each sample's area under
the margin (AUM: the mean of label logit minus largest other logit; Pleiss et al. 2020): low means that the
label is likely wrong.
"""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from curate.data.identity import Indices
from curate.errors import CurateError
from curate.networks.learner import Learner
from curate.scores.signals import margins
from curate.selection.policy import Losses
from curate.selection.session import Session
from curate.training.batches import Batches
from curate.training.book import Book
from curate.training.evaluate import EVALUATION_BATCH

WARM_UP = 0.1  # of the run, before the guard goes by its margins


class Observer:
    """Answers the policy of one run; `available` are the samples that exist."""

    def __init__(
        self,
        learner: Learner,
        data: Batches,
        available: Indices,
        session: Session,
        book: Book,
        n_epochs: int,
    ) -> None:
        self._learner, self._data, self._available = learner, data, available
        self._session, self._book = session, book
        self._warm_until = max(1, math.ceil(WARM_UP * n_epochs))
        self._in_training = session.observes == "training"
        self._epoch = 0
        self._now: Losses | None = None
        self._at_selection: Losses | None = None
        self._distrusted: npt.NDArray[np.bool_] | None = None

    def losses(self) -> Losses:
        """float32 `[n]` as of this checkpoint; NaN where not observed."""
        if self._now is None:
            self._now = self._book.losses() if self._in_training else self._full_pass()
            self._check_finite(self._now)
        return self._now

    def arrive(self, epoch: int) -> None:
        """A checkpoint begins: what was seen before is old."""
        self._epoch = epoch
        self._now = None

    def was_used(self) -> None:
        """The policy has selected: losses seen in training are counted anew from here."""
        if self._in_training:
            self._book.forget()

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
        distrusted = np.zeros(self._data.n, np.bool_)
        if self._epoch >= self._warm_until:
            aum = self._book.mean_margins()
            known = self._available[~np.isnan(aum[self._available])]
            n_out = len(self._available) - self._session.n_trusted(len(self._available))
            worst = np.lexsort((known, self._data.uids[known], aum[known]))[:n_out]
            distrusted[known[worst]] = True
        return distrusted

    def state(self) -> dict[str, Any]:
        """What a resumed run needs, as tensors."""
        state: dict[str, Any] = self._book.state()
        if self._at_selection is not None:
            state["at_selection"] = torch.from_numpy(self._at_selection.copy())
        if self._distrusted is not None:
            state["distrusted"] = torch.from_numpy(self._distrusted.copy())
        return state

    def load(self, state: Mapping[str, Tensor]) -> None:
        """Continue from `state()`."""
        self._book.load(state)
        if "at_selection" in state:
            self._at_selection = state["at_selection"].numpy()
        if "distrusted" in state:
            self._distrusted = state["distrusted"].numpy()

    def _full_pass(self) -> Losses:
        by_row = torch.full((self._data.n,), torch.nan, device=self._data.device)
        self._learner.module.eval()
        with torch.inference_mode():
            for rows, images, labels in self._data.plain(self._available, EVALUATION_BATCH):
                logits = self._learner.logits(images)
                by_row[rows] = functional.cross_entropy(logits, labels, reduction="none")
                if self._session.trust is not None and self._epoch > 0:
                    self._book.add_margins(rows, margins(logits, labels))
        losses: Losses = by_row.cpu().numpy()
        here = losses[self._available]
        losses[self._available] = np.where(np.isnan(here), np.inf, here)  # NaN means not observed, and it was
        return losses

    def _check_finite(self, losses: Losses) -> None:
        wrong = np.flatnonzero(np.isinf(losses))
        if wrong.size:
            raise CurateError(
                f"the loss of sample {wrong[0]} is not finite at the checkpoint of epoch {self._epoch} "
                f"({len(wrong):,} such samples): use a smaller --lr"
            )


def _rank_correlation(before: Losses, now: Losses) -> float:
    """Spearman's, over the samples observed both times.

    Where all losses are equal there are no ranks: 1 if they were equal before as well, else −1.
    """
    from scipy.stats import spearmanr

    both = ~(np.isnan(before) | np.isnan(now))
    ranked = [both.any() and bool(np.ptp(losses[both]) > 0) for losses in (before, now)]
    if not all(ranked):
        return -1.0 if any(ranked) or not both.any() else 1.0
    return float(spearmanr(before[both], now[both]).statistic)
