"""crop_flip: each image moved as by crop, then mirrored as by flip. Source: He et al. 2016."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from torch import Tensor

from curate.training.augmentation import reach_of, shift_and_mirror


@dataclass(frozen=True)
class CropFlip:
    """It has no options."""

    def draw(
        self, n: int, input_size: tuple[int, int], rng: np.random.Generator
    ) -> Mapping[str, npt.NDArray[Any]]:
        shifts = rng.integers(0, 2 * reach_of(input_size[0]) + 1, (n, 2))
        return {"shifts": shifts, "mirrored": rng.random(n) < 0.5}

    def apply(self, images: Tensor, drawn: Mapping[str, Tensor]) -> Tensor:
        return shift_and_mirror(images, drawn["shifts"], drawn["mirrored"], reach_of(images.shape[2]))
