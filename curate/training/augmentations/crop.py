"""crop: each image moved by up to an eighth of its height, and padded with zeros. Source: He et al. 2016."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from curate.training.augmentation import reach_of, shift_and_mirror


@dataclass(frozen=True)
class Crop:
    """It has no options."""

    def draw(
        self, n: int, input_size: tuple[int, int], rng: np.random.Generator
    ) -> Mapping[str, npt.NDArray[Any]]:
        return {"shifts": rng.integers(0, 2 * reach_of(input_size[0]) + 1, (n, 2))}

    def apply(self, images: Tensor, drawn: Mapping[str, Tensor]) -> Tensor:
        unmirrored = torch.zeros(len(images), dtype=torch.bool, device=images.device)
        return shift_and_mirror(images, drawn["shifts"], unmirrored, reach_of(images.shape[2]))
