"""resized_crop: a random part of each photograph, 8% of its area to all of it, scaled to the size; then flip.

The part is cut out of the image as it is stored, which is decoded no finer than is needed. Source: Szegedy et
al. 2015, as torchvision's RandomResizedCrop: sides of 3:4 to 4:3, ten tries, else the centre.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from torch import Tensor

from curate.errors import CurateError
from curate.training.augmentation import shift_and_mirror, unmoved

_TRIES = 10
_TESTED = 7 / 8
_GOLDEN, _MIX = np.uint64(0x9E3779B97F4A7C15), (np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))


@dataclass(frozen=True)
class ResizedCrop:
    """`least` is the smallest part of the area, and `ratio` the most that a side is longer than the other."""

    least: float = 0.08
    ratio: float = 1.3333333333333333  # 4:3

    def __post_init__(self) -> None:
        if not 0 < self.least <= 1:
            raise CurateError(f"least={self.least} is out of range: use 0 < least <= 1")
        if self.ratio < 1:
            raise CurateError(f"ratio={self.ratio} is out of range: use 1 or more")

    def draw(
        self, n: int, input_size: tuple[int, int], rng: np.random.Generator
    ) -> Mapping[str, npt.NDArray[Any]]:
        return {"part": rng.integers(0, 2**63, n), "mirrored": rng.random(n) < 0.5}

    def boxes(
        self, sides: npt.NDArray[np.int32], drawn: Mapping[str, npt.NDArray[Any]]
    ) -> npt.NDArray[np.int32]:
        """Top, left, height and width of the part of each image, int32 `[batch, 4]`, from its `sides`."""
        height, width = sides[:, 0].astype(np.float64), sides[:, 1].astype(np.float64)
        box = self._centres(height, width)
        open_still = np.ones(len(sides), np.bool_)
        for number in range(_TRIES):
            chance = [_uniform(drawn["part"], 4 * number + place) for place in range(4)]
            area = height * width * (self.least + (1 - self.least) * chance[0])
            ratio = np.exp(np.log(self.ratio) * (2 * chance[1] - 1))
            wide, high = np.rint(np.sqrt(area * ratio)), np.rint(np.sqrt(area / ratio))
            fits = open_still & (wide > 0) & (wide <= width) & (high > 0) & (high <= height)
            top, left = np.floor(chance[2] * (height - high + 1)), np.floor(chance[3] * (width - wide + 1))
            box[fits] = np.stack([top, left, high, wide], axis=1)[fits]
            open_still &= ~fits
        return box.astype(np.int32)

    def tested(self, sides: npt.NDArray[np.int32], input_size: tuple[int, int]) -> npt.NDArray[np.int32]:
        """The part in the middle that scales to the input: 7/8 of the shorter side (as 224 of 256 pixels).

        It is larger where it would have fewer pixels than the input. Source: He et al. 2016, and torchvision.
        """
        whole = sides.astype(np.float64)
        wanted = np.array(input_size, np.float64)
        fits = (whole / wanted).min(axis=1)  # how many stored pixels are one of the input, at most
        part = np.rint(np.maximum(_TESTED * fits, np.minimum(fits, 1))[:, None] * wanted)
        part = np.clip(part, 1, whole)
        return np.concatenate([(whole - part) // 2, part], axis=1).astype(np.int32)

    def apply(self, images: Tensor, drawn: Mapping[str, Tensor]) -> Tensor:
        return shift_and_mirror(images, unmoved(images), drawn["mirrored"], reach=0)

    def _centres(
        self, height: npt.NDArray[np.float64], width: npt.NDArray[np.float64]
    ) -> npt.NDArray[np.float64]:
        """The largest part in the middle whose sides are in bounds."""
        high = np.rint(np.minimum(height, width * self.ratio))
        wide = np.rint(np.minimum(width, height * self.ratio))
        return np.stack([(height - high) // 2, (width - wide) // 2, high, wide], axis=1)


def _uniform(seeds: npt.NDArray[np.int64], number: int) -> npt.NDArray[np.float64]:
    """The number-th number in [0, 1) that follows from each seed (splitmix64, Steele et al. 2014)."""
    with np.errstate(over="ignore"):
        mixed = seeds.astype(np.uint64) + _GOLDEN * np.uint64(number + 1)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * _MIX[0]
        mixed = (mixed ^ (mixed >> np.uint64(27))) * _MIX[1]
    return ((mixed ^ (mixed >> np.uint64(31))) >> np.uint64(11)).astype(np.float64) * 2.0**-53
