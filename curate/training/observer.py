"""What a run gets to see of its samples: losses for the policy, margins for the guard against wrong labels.

Losses come from a full pass in evaluation mode, without augmentation and at a fixed batch size, made at
most once per checkpoint and only when asked for; or from the training forward passes since the last
selection, which cost nothing. The guard follows each sample's area under the margin (AUM: the mean of
label logit minus largest other logit; Pleiss et al. 2020): low means that the label is likely wrong.
"""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from curate.errors import CurateError
from curate.manifests.manifest import Indices
from curate.networks.learner import Learner
from curate.scores.signals import margins
from curate.selection.policy import Losses
from curate.selection.session import Session
from curate.training.batches import Batches
from curate.training.evaluate import EVALUATION_BATCH

WARM_UP = 0.1  # of the run, before the guard trusts its own eyes


class Observer:
    """Sees for one run; `available` are the samples that exist."""

    def __init__(
        self, learner: Learner, data: Batches, available: Indices, session: Session, n_epochs: int
    ) -> None:
        self._learner, self._data, self._available = learner, data, available
        self._session = session
        self._warm_until = max(1, math.ceil(WARM_UP * n_epochs))
        self._epoch = 0
        self._now: Losses | None = None
        self._at_selection: Losses | None = None
        in_training = session.observes == "training"
        self._latest = torch.full((data.n,), torch.nan, device=data.device) if in_training else None
        self._margin_sum = torch.zeros(data.n, device=data.device) if session.trust else None
        self._n_margins = torch.zeros_like(self._margin_sum) if self._margin_sum is not None else None
        self._distrusted: npt.NDArray[np.bool_] | None = None

    def losses(self) -> Losses:
        """float32 `[n]` as of this checkpoint; NaN where not observed."""
        if self._now is None:
            if self._latest is None:
                self._now = self._full_pass()
            else:
                self._now = self._latest.cpu().numpy().copy()
            self._check_finite(self._now)
        return self._now

    def seen(self, rows: Tensor, logits: Tensor, losses: Tensor, labels: Tensor) -> None:
        """Called with every training batch: `rows` are its indices."""
        if self._latest is None:
            return
        self._latest[rows] = losses.detach()
        self._note_margins(rows, logits.detach(), labels)

    def arrive(self, epoch: int) -> None:
        """A checkpoint begins: what was seen before is old."""
        self._epoch = epoch
        self._now = None

    def was_used(self) -> None:
        """The policy has selected: losses seen in training are counted anew from here."""
        if self._latest is not None:
            self._latest.fill_(torch.nan)

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
        if self._session.trust is None or self._margin_sum is None or self._n_margins is None:
            return None
        if self._latest is None and self._epoch > 0:
            self.losses()  # the full pass brings the margins
        found = np.zeros(self._data.n, np.bool_)
        if self._epoch >= self._warm_until:
            aum = (self._margin_sum / self._n_margins).cpu().numpy()
            known = self._available[~np.isnan(aum[self._available])]
            n_out = round((1 - self._session.trust) * len(self._available))
            worst = np.lexsort((known, self._data.uids[known], aum[known]))[:n_out]
            found[known[worst]] = True
        return found

    def state(self) -> dict[str, Any]:
        """What a resumed run needs, as tensors."""
        kept = {"latest": self._latest, "margin_sum": self._margin_sum, "n_margins": self._n_margins}
        state = {name: value.cpu().clone() for name, value in kept.items() if value is not None}
        if self._at_selection is not None:
            state["at_selection"] = torch.from_numpy(self._at_selection.copy())
        if self._distrusted is not None:
            state["distrusted"] = torch.from_numpy(self._distrusted.copy())
        return state

    def load(self, state: Mapping[str, Tensor]) -> None:
        """Continue from `state()`."""
        for name, own in (
            ("latest", self._latest),
            ("margin_sum", self._margin_sum),
            ("n_margins", self._n_margins),
        ):
            if own is not None:
                own.copy_(state[name])
        if "at_selection" in state:
            self._at_selection = state["at_selection"].numpy()
        if "distrusted" in state:
            self._distrusted = state["distrusted"].numpy()

    def _full_pass(self) -> Losses:
        found = torch.full((self._data.n,), torch.nan, device=self._data.device)
        module, rows_all = self._learner.module, torch.from_numpy(self._available).to(self._data.device)
        module.eval()
        with torch.inference_mode():
            batches = self._data.plain(self._available, EVALUATION_BATCH)
            for step, (images, labels) in enumerate(batches):
                rows = rows_all[step * EVALUATION_BATCH :][: len(labels)]
                logits = self._learner.logits(images)
                found[rows] = functional.cross_entropy(logits, labels, reduction="none")
                if self._epoch > 0:
                    self._note_margins(rows, logits, labels)
        losses: Losses = found.cpu().numpy()
        here = losses[self._available]
        losses[self._available] = np.where(np.isnan(here), np.inf, here)  # NaN means not observed, and it was
        return losses

    def _note_margins(self, rows: Tensor, logits: Tensor, labels: Tensor) -> None:
        if self._margin_sum is None or self._n_margins is None:
            return
        self._margin_sum[rows] += margins(logits, labels)
        self._n_margins[rows] += 1

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
