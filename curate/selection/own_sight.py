"""What the policy of a Pruner sees: what was observed, and the losses that a function of the user gives."""

from collections.abc import Callable
from typing import Any

import numpy as np

from curate.data.identity import Indices
from curate.errors import CurateError
from curate.selection.ledger import Ledger, plain
from curate.selection.observer import all_observed
from curate.selection.policy import Losses
from curate.selection.ranks import Ranks
from curate.selection.session import Session

Evaluation = Callable[[Indices], Any]


class OwnSight:
    """What a Pruner's policy sees: its ledger; and, where a function was given, losses in evaluation mode."""

    def __init__(
        self,
        ledger: Ledger,
        losses: Evaluation | None,
        available: Indices,
        n: int,
        ranks: Ranks,
        guarded: bool,
    ) -> None:
        self._ledger, self._losses, self._available, self._n = ledger, losses, available, n
        self._ranks, self._guarded = ranks, guarded
        self.latest, self.forget, self.mean_margins = ledger.latest, ledger.forget, ledger.mean_margins

    def full_pass(self, epoch: int) -> Losses:
        """The losses that the function gives, a share of them on each rank; notes the margins beside them."""
        assert self._losses is not None, "a session by evaluation was made with a function"
        mine = self._available[self._ranks.rank :: self._ranks.size]
        given = self._losses(mine)
        several = isinstance(given, tuple)
        parts = [plain(part).astype(np.float32) for part in (given if several else (given,))]
        if len(parts) != 1 + int(self._guarded) or any(part.shape != mine.shape for part in parts):
            wanted = "a tuple of losses and margins" if self._guarded else "an array of losses"
            raise CurateError(
                f"losses= gave {[list(part.shape) for part in parts]} for {len(mine):,} indices: it has to "
                f"return {wanted}, one for each"
            )
        losses = np.full(self._n, np.nan, np.float32)
        for indices, values, *margins in self._ranks.gather([mine, *parts]):
            losses[indices] = values
            if margins and epoch > 0:  # margins of untrained weights say nothing
                self._ledger.add_margins(indices, margins[0])
        return all_observed(losses, self._available)


def check_losses(session: Session, policy: str, losses: Evaluation | None) -> None:
    """Whose losses are meant is said once, at the start."""
    if session.observes == "evaluation" and losses is None:
        raise CurateError(
            f"policy {policy} goes by losses in evaluation mode here: give losses=, a function of indices, "
            'or say observe="training"'
        )
    if session.observes != "evaluation" and losses is not None:
        raise CurateError(
            f"policy {policy} makes no pass in evaluation mode here: leave out losses=, or say "
            'observe="evaluation"'
        )
