"""flip: each image mirrored left to right, with a chance of one half."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from torch import Tensor

from curate.training.augmentation import shift_and_mirror, unmoved


@dataclass(frozen=True)
class Flip:
    """It has no options."""

    def draw(
        self, n: int, input_size: tuple[int, int], rng: np.random.Generator
    ) -> Mapping[str, npt.NDArray[Any]]:
        return {"mirrored": rng.random(n) < 0.5}

    def apply(self, images: Tensor, drawn: Mapping[str, Tensor]) -> Tensor:
        return shift_and_mirror(images, unmoved(images), drawn["mirrored"], reach=0)
