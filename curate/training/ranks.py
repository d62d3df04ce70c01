"""The processes of torch.distributed, for a Pruner in a loop of one's own."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.distributed as dist

from curate.errors import CurateError


class TorchRanks:
    """The default process group. Arrays travel as bytes, on the device that its backend speaks for."""

    def __init__(self) -> None:
        if not (dist.is_available() and dist.is_initialized()):
            raise CurateError("no process group is there: call torch.distributed.init_process_group first")
        self.rank, self.size = dist.get_rank(), dist.get_world_size()
        on_gpu = dist.get_backend() == "nccl"
        self._device = torch.device("cuda", torch.cuda.current_device()) if on_gpu else torch.device("cpu")

    def gather(self, arrays: Sequence[npt.NDArray[Any]]) -> list[list[npt.NDArray[Any]]]:
        """The arrays of every rank, by rank; each is one-dimensional, of a type that all ranks agree on."""
        mine = np.concatenate([np.ascontiguousarray(one).view(np.uint8) for one in arrays])
        lengths = self._gathered(torch.tensor([len(one) for one in arrays]))
        longest = max(int((of.numpy() * [one.itemsize for one in arrays]).sum()) for of in lengths)
        padded = torch.zeros(longest, dtype=torch.uint8)
        padded[: len(mine)] = torch.from_numpy(mine)
        told = self._gathered(padded)
        return [_cut(part.numpy(), of.tolist(), arrays) for part, of in zip(told, lengths, strict=True)]

    def _gathered(self, values: torch.Tensor) -> list[torch.Tensor]:
        """A tensor of every rank, back on the CPU."""
        there = values.to(self._device)
        parts = [torch.empty_like(there) for _ in range(self.size)]
        dist.all_gather(parts, there)
        return [part.cpu() for part in parts]


def _cut(
    content: npt.NDArray[np.uint8], lengths: Sequence[int], like: Sequence[npt.NDArray[Any]]
) -> list[npt.NDArray[Any]]:
    """The arrays that were put one behind the other."""
    arrays, start = [], 0
    for length, one in zip(lengths, like, strict=True):
        end = start + length * one.itemsize
        arrays.append(content[start:end].copy().view(one.dtype))
        start = end
    return arrays


def ranks() -> TorchRanks:
    """The processes that train together, by torch.distributed's default group, for `Pruner(ranks=...)`."""
    return TorchRanks()
