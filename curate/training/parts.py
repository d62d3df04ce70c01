"""Parts of images, each scaled to the size of the input: on all cores, beside the training.

Scaling is bilinear and antialiased, by torch's kernel for bytes, which gives what PIL gives up to rounding.
"""

import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from curate.data.identity import Indices
from curate.data.images import Images, Sides, in_turns


class Parts:
    """Cuts parts out of images."""

    def __init__(self, images: Images) -> None:
        self._images = images
        self._pool = ThreadPoolExecutor(os.cpu_count() or 1)

    def cut(self, rows: Indices, boxes: Sides, size: tuple[int, int]) -> Tensor:
        """The parts at `boxes` of the images at `rows`, uint8 `[n, c, *size]`.

        `boxes` int32 `[n, 4]` are top, left, height and width in an image as it is stored.
        """
        room = np.empty((len(rows), self._images.shape[2], *size), np.uint8)
        asked = list(zip(rows.tolist(), boxes.tolist(), strict=True))

        def one(place: int) -> None:
            row, box = asked[place]
            part = np.require(self._images.part(row, box, size), requirements=["C", "W"])
            pixels = torch.from_numpy(part).permute(2, 0, 1)[None]
            if pixels.shape[2:] != size:
                pixels = functional.interpolate(
                    pixels, size, mode="bilinear", align_corners=False, antialias=True
                )
            room[place] = pixels[0].numpy()  # torch would share out so small a copy

        in_turns(self._pool, one, len(asked))
        return torch.from_numpy(room)
