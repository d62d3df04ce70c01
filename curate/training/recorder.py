"""What the training forward pass knows anyway, kept per sample until an epoch ends.

Losses always, so that one that is no number can be named; margin, error norm and correctness for a trace.
Batches are put aside as they come and looked at many at a time: a step pays for next to nothing.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from curate.scores.signals import error_norms, margins
from curate.scores.trace import Seen

_MOST_NUMBERS = 2**22  # logits put aside at once: 16 MiB


class Recorder:
    """One epoch of `size` places: samples, or models times samples."""

    def __init__(self, size: int, device: torch.device, trace: bool) -> None:
        def column(kind: torch.dtype) -> Tensor:
            return torch.zeros(size, dtype=kind, device=device)

        self._trace, self._device = trace, device
        self._aside: list[tuple[Tensor, Tensor, Tensor, Tensor]] = []
        self._n_aside = 0
        self._columns = {"loss": column(torch.float32)}
        if trace:
            self._columns |= {"margin": column(torch.float32), "error": column(torch.float32)}
            self._columns["correct"] = column(torch.bool)

    def note(self, places: Tensor, logits: Tensor, losses: Tensor, labels: Tensor) -> None:
        """A batch of the training forward pass; nothing here needs gradients."""
        self._aside.append((places, logits, losses, labels))
        self._n_aside += logits.numel()
        if self._n_aside > _MOST_NUMBERS:
            self._look()

    def _look(self) -> None:
        """Take down what the batches put aside say of their samples."""
        if not self._aside:
            return
        places, logits, losses, labels = (torch.cat(parts) for parts in zip(*self._aside, strict=True))
        self._aside, self._n_aside = [], 0
        self._columns["loss"][places] = losses
        if self._trace:
            self._columns["margin"][places] = margins(logits, labels)
            self._columns["error"][places] = error_norms(logits, labels)
            self._columns["correct"][places] = logits.argmax(1) == labels

    def seen(self, presented: npt.NDArray[np.int64], first_place: int = 0) -> Seen:
        """The samples presented in the epoch that just ended, by index; `first_place` is that of sample 0."""
        columns: dict[str, Any] = {name: self._of(name, presented, first_place) for name in self._columns}
        return Seen(presented, **columns)

    def first_not_finite(self, order: npt.NDArray[np.int64], first_place: int = 0) -> int:
        """Where in the order of presentation the first loss stands that is no number.

        Where all are numbers, and only their sum is too large for one, it is the largest.
        """
        losses = self._of("loss", order, first_place)
        wrong = np.flatnonzero(~np.isfinite(losses))
        return int(wrong[0] if len(wrong) else losses.argmax())

    def _of(self, name: str, indices: npt.NDArray[np.int64], first_place: int) -> npt.NDArray[Any]:
        self._look()
        rows = torch.from_numpy(np.asarray(indices + first_place)).to(self._device)
        found: npt.NDArray[Any] = self._columns[name][rows].cpu().numpy()
        return found
