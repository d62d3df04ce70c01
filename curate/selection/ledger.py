"""The ledger of a loop that is not curate's: what it observes of each sample, as numpy arrays.

Batches are put aside as they come, on whatever device they are, and looked at when somebody asks: a step pays
for next to nothing, and waits for no device.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from curate.data.identity import Indices
from curate.scores.trace import Seen
from curate.selection.policy import Losses

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Notes:
    """Presentations in the order in which they came, `[m]` each: what was seen of which sample, and when.

    What was not asked for is 0, or false.
    """

    epoch: npt.NDArray[np.int32]
    index: Indices
    loss: Floats
    margin: Floats
    error: Floats
    correct: npt.NDArray[np.bool_]

    def arrays(self) -> list[npt.NDArray[Any]]:
        """The columns in their order."""
        return [getattr(self, one.name) for one in fields(self)]

    def of(self, kept: Any) -> "Notes":
        """Those of a mask, or at places."""
        return Notes(*(column[kept] for column in self.arrays()))


def put_together(parts: Sequence[Notes]) -> Notes:
    """One after another, sorted by epoch; within an epoch they stay in the order of the parts."""
    if not parts:
        return Notes(*(np.empty(0, kind) for kind in ("<i4", "<i8", "<f4", "<f4", "<f4", "?")))
    whole = Notes(*(np.concatenate(columns) for columns in zip(*(p.arrays() for p in parts), strict=True)))
    in_order = bool(np.all(whole.epoch[1:] >= whole.epoch[:-1]))  # as of one rank they are
    return whole if in_order else whole.of(np.argsort(whole.epoch, kind="stable"))


class Ledger:
    """What a run on `n` samples has observed; `in_full` asks for margins, errors and correctness too."""

    def __init__(self, n: int, *, in_full: bool) -> None:
        self._in_full = in_full
        self._aside: list[tuple[int, Any, Any, Any, Any]] = []
        self._latest = np.full(n, np.nan, np.float32)
        self._margin_sum, self._n_margins = np.zeros(n, np.float32), np.zeros(n, np.float32)

    def put_aside(self, epoch: int, index: Any, losses: Any, logits: Any, labels: Any) -> None:
        """A batch of the training forward pass, `[batch]` each, logits `[batch, classes]`; none is copied."""
        self._aside.append((epoch, index, losses, logits, labels))

    def taken_down(self) -> Notes:
        """All that was put aside since the last time, as arrays."""
        batches, self._aside = self._aside, []
        if not batches:
            return put_together([])
        epochs, indices, losses, logits, labels = zip(*batches, strict=True)
        sizes = [len(index) for index in indices]
        n = sum(sizes)
        margin, error, correct = np.zeros(n, np.float32), np.zeros(n, np.float32), np.zeros(n, np.bool_)
        if self._in_full:
            seen = [
                signals(plain(of).astype(np.float32), plain(is_))
                for of, is_ in zip(logits, labels, strict=True)
            ]
            margin, error, correct = map(np.concatenate, zip(*seen, strict=True))
        index, loss = _joined(indices).astype(np.int64), _joined(losses).astype(np.float32)
        epoch = np.repeat(np.array(epochs, np.int32), sizes)
        return put_together([Notes(epoch, index, loss, margin, error, correct)])

    def add(self, notes: Notes, *, margins: bool) -> None:
        """Count these, in their order; their margins enter the sums where the guard goes by training."""
        self._latest[notes.index] = notes.loss
        if margins:
            self.add_margins(notes.index, notes.margin)

    def add_margins(self, index: Indices, margins: Floats) -> None:
        """Add margins `[m]` to the sums of their samples."""
        np.add.at(self._margin_sum, index, margins)
        np.add.at(self._n_margins, index, 1)

    def latest(self) -> Losses:
        """The loss of each sample at its latest presentation since `forget`; NaN for none."""
        return self._latest.copy()

    def forget(self) -> None:
        """Count losses anew from here."""
        self._latest.fill(np.nan)

    def mean_margins(self) -> Losses:
        """The area under the margin of each sample so far; NaN where no margin was added."""
        with np.errstate(invalid="ignore"):
            return self._margin_sum / self._n_margins

    def state(self) -> dict[str, npt.NDArray[Any]]:
        """All that was counted, as arrays `[n]` by name; what was put aside is `taken_down` before."""
        return {"latest": self._latest, "margin_sum": self._margin_sum, "n_margins": self._n_margins}

    def load(self, state: dict[str, npt.NDArray[Any]]) -> None:
        """Go on from `state()`."""
        self._latest, self._margin_sum, self._n_margins = (
            state[name].copy() for name in ("latest", "margin_sum", "n_margins")
        )


def _joined(parts: Sequence[Any]) -> npt.NDArray[Any]:
    """One array of many. Tensors are joined where they are, so that a device is waited for once."""
    torch: Any = sys.modules.get("torch")
    tensors = torch is not None and all(isinstance(part, torch.Tensor) for part in parts)
    if tensors and len({part.device for part in parts}) == 1:
        return plain(torch.cat(list(parts)))
    return np.concatenate([plain(part) for part in parts])


def plain(values: Any) -> npt.NDArray[Any]:
    """A numpy array of what is one already, a list, or a tensor of any device and precision."""
    if hasattr(values, "detach"):
        values = values.detach()
        values = values.float() if values.is_floating_point() else values
        values = values.cpu().numpy()
    return np.asarray(values)


def signals(logits: Floats, labels: npt.NDArray[Any]) -> tuple[Floats, Floats, npt.NDArray[np.bool_]]:
    """Margin, error norm and correctness of each row, as `curate.scores.signals` defines them for tensors."""
    rows = np.arange(len(logits))
    own = logits[rows, labels]
    others = logits.copy()
    others[rows, labels] = -np.inf
    exponentials = np.exp(logits - logits.max(1, keepdims=True))
    difference = exponentials / exponentials.sum(1, keepdims=True)
    difference[rows, labels] -= 1
    return own - others.max(1), np.linalg.norm(difference, axis=1), logits.argmax(1) == labels


def seen_of(notes: Notes) -> Seen:
    """What a trace keeps of the notes of one epoch: the last of each sample, sorted by index."""
    index, last = np.unique(notes.index[::-1], return_index=True)
    kept = notes.of(len(notes.index) - 1 - last)
    return Seen(index, loss=kept.loss, margin=kept.margin, error=kept.error, correct=kept.correct)
