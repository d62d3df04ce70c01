"""The book of a run: what training saw of each sample. Policies, the guard and the trace all read it.

Losses are always noted, so that one that is not finite can be named; the sum of margins for the guard;
margin, error norm and correctness for a trace. Batches are put aside as they come and looked at many at a
time, so a step pays for next to nothing. Logits are kept only where a trace asks for them.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from curate.scores.signals import error_norms, margins
from curate.scores.trace import Seen
from curate.selection.policy import Losses, Observing
from curate.world import World

_MOST_NUMBERS = 2**22  # put aside at once: 16 MiB


class Book:
    """One run on `size` places: samples, or models times samples.

    `guard` says where the margins come from that are summed up for each place: `training`, or `evaluation`,
    for which they are added from outside; None where nobody asks for them.
    """

    def __init__(
        self, size: int, device: torch.device, *, trace: bool = False, guard: Observing | None = None
    ) -> None:
        def column(kind: torch.dtype) -> Tensor:
            return torch.zeros(size, dtype=kind, device=device)

        self._trace, self._guard, self._device = trace, guard, device
        self._aside: list[tuple[Tensor, ...]] = []
        self._n_aside = 0
        self._columns = {"loss": torch.full((size,), torch.nan, device=device)}
        if trace:
            self._columns |= {"margin": column(torch.float32), "error": column(torch.float32)}
            self._columns["correct"] = column(torch.bool)
        self._sums: dict[str, Tensor] = {}
        if guard:
            self._sums = {"margin_sum": column(torch.float32), "n_margins": column(torch.float32)}

    def note(self, places: Tensor, logits: Tensor, losses: Tensor, labels: Tensor) -> None:
        """Note a batch of the training forward pass: `[batch]` each, logits `[batch, classes]`, detached."""
        parts: tuple[Tensor, ...] = (places, losses)
        if self._trace:
            parts = (places, losses, logits, labels)
        elif self._guard == "training":
            parts = (places, losses, margins(logits, labels))
        self._aside.append(parts)
        self._n_aside += sum(part.numel() for part in parts)
        if self._n_aside > _MOST_NUMBERS:
            self._look()

    def add_margins(self, places: Tensor, values: Tensor) -> None:
        """Add margins `[batch]` to the sums of their places, where the guard asks for sums."""
        if self._guard:
            self._sums["margin_sum"][places] += values
            self._sums["n_margins"][places] += 1

    def share(self, presented: npt.NDArray[np.int64], ranks: World) -> None:
        """Tell all ranks what this one saw of the samples that it presented since they last did."""
        if ranks.size == 1:
            return
        self._look()
        columns = {**self._columns, **self._sums}
        own = [self._taken(column, presented) for column in columns.values()]
        for rank, (places, *values) in enumerate(ranks.gather([presented, *own])):
            if rank != ranks.rank:
                rows = torch.from_numpy(places).to(self._device)
                for column, theirs in zip(columns.values(), values, strict=True):
                    column[rows] = torch.from_numpy(theirs).to(self._device)

    def _taken(self, column: Tensor, indices: npt.NDArray[np.int64]) -> npt.NDArray[Any]:
        taken: npt.NDArray[Any] = column[torch.from_numpy(indices).to(self._device)].cpu().numpy()
        return taken

    def losses(self) -> Losses:
        """The loss of each place at its latest presentation, `[size]`; NaN for none since `forget`."""
        self._look()
        losses: Losses = self._columns["loss"].cpu().numpy().copy()
        return losses

    def forget(self) -> None:
        """Count losses anew from here."""
        self._look()
        self._columns["loss"].fill_(torch.nan)

    def mean_margins(self) -> npt.NDArray[np.float32]:
        """The area under the margin of each place so far, `[size]`; NaN where no margin was added."""
        self._look()
        means: npt.NDArray[np.float32] = (self._sums["margin_sum"] / self._sums["n_margins"]).cpu().numpy()
        return means

    def seen(self, presented: npt.NDArray[np.int64], first_place: int = 0) -> Seen:
        """What a trace keeps of an epoch that just ended, by index; `first_place` is that of sample 0."""
        columns: dict[str, Any] = {name: self._of(name, presented, first_place) for name in self._columns}
        return Seen(presented, **columns)

    def first_not_finite(self, order: npt.NDArray[np.int64], first_place: int = 0) -> int:
        """Where in the order of presentation the first loss stands that is not finite.

        Where all are finite, and only their sum is too large for a number, it is the largest.
        """
        losses = self._of("loss", order, first_place)
        wrong = np.flatnonzero(~np.isfinite(losses))
        return int(wrong[0] if len(wrong) else losses.argmax())

    def state(self) -> dict[str, Tensor]:
        """What a run that goes on needs: the losses, and the sums of margins where there are any."""
        self._look()
        kept = {"latest": self._columns["loss"], **self._sums}
        return {name: value.cpu().clone() for name, value in kept.items()}

    def load(self, state: Mapping[str, Tensor]) -> None:
        """Go on from `state()`; losses that it is without are not known."""
        if "latest" in state:
            self._columns["loss"].copy_(state["latest"])
        for name, own in self._sums.items():
            own.copy_(state[name])

    def _look(self) -> None:
        """Take down what the batches put aside say of their samples."""
        if not self._aside:
            return
        places, losses, *more = (torch.cat(parts) for parts in zip(*self._aside, strict=True))
        self._aside, self._n_aside = [], 0
        self._columns["loss"][places] = losses
        of_batches: Tensor | None = None
        if self._trace:
            logits, labels = more
            of_batches = margins(logits, labels)
            self._columns["margin"][places] = of_batches
            self._columns["error"][places] = error_norms(logits, labels)
            self._columns["correct"][places] = logits.argmax(1) == labels
        elif more:
            of_batches = more[0]
        if of_batches is not None and self._guard == "training":
            self.add_margins(places, of_batches)

    def _of(self, name: str, indices: npt.NDArray[np.int64], first_place: int) -> npt.NDArray[Any]:
        self._look()
        return self._taken(self._columns[name], np.asarray(indices + first_place))
