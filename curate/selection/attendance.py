"""Attendance: which samples of an epoch a rank has yet to observe; one that is out of turn is refused.

Indices on an accelerator are put aside and looked at when somebody waits for them anyway.
"""

from typing import Any, NoReturn

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
        # By index; the second half stays 0, and is what an index finds that is negative or too great. One
        # below -n finds another sample: `check_range` looks at all of an epoch at once.
        self._times_left = np.zeros(2 * n, np.int8)
        self._put_aside: list[Any] = []

    def expect(self, selected: Indices, epoch: int) -> None:
        """Begin an epoch, which presents these samples."""
        self.epoch = epoch
        self._times_left.fill(0)
        self._times_left[selected] = self.most_times
        self._selected = selected

    def seen(self, index: Any) -> Any:
        """Note a batch; returns its indices, as an array where they are no longer on a device."""
        device = getattr(index, "device", "cpu")
        if getattr(device, "type", device) == "cpu":
            return self._checked(index.numpy() if hasattr(index, "numpy") else plain(index))
        self._put_aside.append(index)
        return index

    def settle(self) -> None:
        """Look at what was put aside."""
        while self._put_aside:
            self._checked(plain(self._put_aside.pop()))

    def check_range(self, rows: Indices) -> None:
        """Refuse indices that are none of a sample."""
        outside = rows[(rows < 0) | (rows >= self._n)]
        if len(outside):
            raise CurateError(f"index {outside[0]} is out of range: there are {self._n:,} samples, from 0")

    def missing(self, order: Indices) -> Indices:
        """Those of `order` that were not observed yet."""
        return order[self._times_left[order] == self.most_times]

    def state(self) -> dict[str, Any]:
        """All of it, as plain JSON values; what is put aside has to be settled before."""
        return pack(self._times_left[: self._n])

    def load(self, state: Any, selected: Indices, epoch: int) -> None:
        """Go on from `state()`."""
        self._times_left[: self._n] = unpack(state)
        self._selected, self.epoch = selected, epoch

    def _checked(self, index: npt.NDArray[Any]) -> Indices:
        """The indices of a batch: each in range, selected in this epoch, and not seen in it before."""
        rows = index
        if index.dtype != np.int64:
            if index.dtype.kind not in "iu":
                raise CurateError(
                    f"indices are {index.dtype}: give the whole numbers that came with the batch"
                )
            rows = index.astype(np.int64)
        try:
            left = self._times_left[rows]
        except IndexError:
            self._refuse(rows)
        if np.count_nonzero(left) < len(left):  # several times as fast as left.all()
            self._refuse(rows)
        self._times_left[rows] = 0 if self.most_times == 1 else left - 1
        return rows

    def _refuse(self, rows: Indices) -> NoReturn:
        """Say what is wrong with a batch of which something is."""
        self.check_range(rows)
        wrong = rows[self._times_left[rows] == 0][0]
        is_selected = bool(np.isin(wrong, self._selected))
        why = "had been before" if is_selected else "is not selected in it: use pruner.sampler"
        raise CurateError(f"sample {wrong} was observed in epoch {self.epoch}, and {why}")
