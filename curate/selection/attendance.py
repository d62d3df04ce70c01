"""Attendance: which samples of an epoch a rank has yet to observe; one that is out of turn is refused.

Indices on an accelerator are put aside and looked at when somebody waits for them anyway.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from curate.data.identity import Indices
from curate.errors import CurateError
from curate.selection.ledger import plain
from curate.selection.packing import pack, unpack


class Attendance:
    """Of `n` samples, those of an epoch may be observed `most_times` times: ranks may share some."""

    def __init__(self, n: int, most_times: int) -> None:
        self._n, self.most_times, self.epoch = n, most_times, -1
        self._times_left = np.zeros(n, np.int8)
        self._put_aside: list[Any] = []

    def expect(self, selected: Indices, epoch: int) -> None:
        """Begin an epoch, which presents these samples."""
        self.epoch = epoch
        self._times_left.fill(0)
        self._times_left[selected] = self.most_times
        self._selected = selected

    def seen(self, index: Any) -> Any:
        """Note a batch; returns its indices, as an array where they are no longer on a device."""
        if str(getattr(index, "device", "cpu")) == "cpu":
            return self._checked(plain(index))
        self._put_aside.append(index)
        return index

    def settle(self) -> None:
        """Look at what was put aside."""
        while self._put_aside:
            self._checked(plain(self._put_aside.pop()))

    def missing(self, order: Indices) -> Indices:
        """Those of `order` that were not observed yet."""
        return order[self._times_left[order] == self.most_times]

    def state(self) -> dict[str, Any]:
        """All of it, as plain JSON values; what is put aside has to be settled before."""
        return pack(self._times_left)

    def load(self, state: Any, selected: Indices, epoch: int) -> None:
        """Go on from `state()`."""
        self._times_left, self._selected, self.epoch = unpack(state), selected, epoch

    def _checked(self, index: npt.NDArray[Any]) -> Indices:
        """The indices of a batch: each in range, selected in this epoch, and not seen in it before."""
        if index.dtype.kind not in "iu":
            raise CurateError(f"indices are {index.dtype}: give the whole numbers that came with the batch")
        rows = index.astype(np.int64, copy=False)
        if len(rows) and rows.view(np.uint64).max() >= self._n:  # the negative are the greatest
            wrong = rows[(rows < 0) | (rows >= self._n)][0]
            raise CurateError(f"index {wrong} is out of range: there are {self._n:,} samples, from 0")
        left = self._times_left[rows]
        if np.count_nonzero(left) < len(left):  # several times as fast as left.all()
            wrong = rows[left == 0][0]
            is_selected = bool(np.isin(wrong, self._selected))
            why = "had been before" if is_selected else "is not selected in it: use pruner.sampler"
            raise CurateError(f"sample {wrong} was observed in epoch {self.epoch}, and {why}")
        self._times_left[rows] = left - 1
        return rows
