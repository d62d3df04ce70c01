"""Memory that processes share: places for batches, each of which is used again when its batch is let go.

It is made before the processes that write to it are forked, and belongs to no file system, of which a
container often has little.
"""

import mmap
import weakref

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor


class Room:
    """So many places, each of `n` items of a shape."""

    def __init__(self, n_places: int, n: int, shape: tuple[int, ...], dtype: npt.DTypeLike) -> None:
        kind = np.dtype(dtype)
        n_bytes = n_places * n * int(np.prod(shape)) * kind.itemsize
        memory = mmap.mmap(-1, max(1, n_bytes))
        self._places = np.frombuffer(memory, kind, n_bytes // kind.itemsize).reshape(n_places, n, *shape)
        self._free = list(range(n_places))
        self.n = n

    def take(self) -> int | None:
        """A place that nobody uses, the last that was let go; None where there is none."""
        return self._free.pop() if self._free else None

    def at(self, place: int, start: int, stop: int) -> npt.NDArray[np.generic]:
        """Some items of a place."""
        part: npt.NDArray[np.generic] = self._places[place, start:stop]
        return part

    def give(self, place: int, n: int) -> Tensor:
        """The first `n` items of a place that was taken; it is free when nothing refers to them any more.

        Of the last place it is a copy, so that a caller may keep as many as it likes.
        """
        own = self._places[place, :n].view()
        if not self._free:
            self._free.append(place)
            return torch.from_numpy(own.copy())
        weakref.finalize(own, self._free.append, place)
        return torch.from_numpy(own)
