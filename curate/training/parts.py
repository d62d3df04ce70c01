"""Parts of images, each scaled to the size of the input: on all cores, beside the training.

Scaling is bilinear and antialiased, by torch's kernel for bytes, which gives what PIL gives up to rounding. A
few parts at a time are cut, changed and normalized by one thread, while they are in its cache.
"""

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from curate.data.identity import Indices
from curate.data.images import Images, Sides

_FEW = 8  # parts that a thread makes at a time

Finish = Callable[[Indices, Tensor], Tensor]


def _alone() -> None:
    """Let torch share out nothing of what this thread asks for."""
    torch.set_num_threads(1)
    torch.get_num_threads()  # else the first computation takes the number of all


class Parts:
    """Cuts parts out of images."""

    def __init__(self, images: Images) -> None:
        self._images = images
        n_threads, n_workers = torch.get_num_threads(), os.cpu_count() or 1
        self._pool = ThreadPoolExecutor(n_workers, initializer=_alone)
        all_there = threading.Barrier(n_workers)
        for there in [self._pool.submit(all_there.wait) for _ in range(n_workers)]:
            there.result()
        torch.set_num_threads(n_threads)  # of other threads, those to come among them

    def cut(self, rows: Indices, boxes: Sides, size: tuple[int, int], finish: Finish | None = None) -> Tensor:
        """The parts at `boxes` of the images at `rows`, uint8 `[n, c, *size]`, or what `finish` makes of it.

        `boxes` int32 `[n, 4]` are top, left, height and width in an image as it is stored. `finish` gets some
        of the rows and their parts, and gives float32 of the same shape.
        """
        shape = (self._images.shape[2], *size)
        room = np.empty((len(rows), *shape), np.uint8 if finish is None else np.float32)

        def some(start: int) -> None:
            own, at = rows[start : start + _FEW], boxes[start : start + _FEW].tolist()
            pixels = np.empty((len(own), *shape), np.uint8)
            for place, (row, box) in enumerate(zip(own.tolist(), at, strict=True)):
                pixels[place] = self._part(row, box, size)
            room[start : start + _FEW] = (
                pixels if finish is None else finish(own, torch.from_numpy(pixels)).numpy()
            )

        for _ in self._pool.map(some, range(0, len(rows), _FEW)):
            pass
        return torch.from_numpy(room)

    def _part(self, row: int, box: list[int], size: tuple[int, int]) -> npt.NDArray[np.uint8]:
        part = np.require(self._images.part(row, box, size), requirements=["C", "W"])
        pixels = torch.from_numpy(part).permute(2, 0, 1)[None]
        if pixels.shape[2:] != size:
            pixels = functional.interpolate(
                pixels, size, mode="bilinear", align_corners=False, antialias=True
            )
        scaled: npt.NDArray[np.uint8] = pixels[0].numpy()
        return scaled
