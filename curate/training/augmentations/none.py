"""none: images as they are."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from torch import Tensor


@dataclass(frozen=True)
class NoAugmentation:
    """It has no options."""

    def draw(
        self, n: int, input_size: tuple[int, int], rng: np.random.Generator
    ) -> Mapping[str, npt.NDArray[Any]]:
        return {}

    def apply(self, images: Tensor, drawn: Mapping[str, Tensor]) -> Tensor:
        return images
