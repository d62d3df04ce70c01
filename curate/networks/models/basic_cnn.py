"""basic_cnn: a small convolutional network for images of 4x4 or more: three convolutions, one linear layer.

About 95,000 parameters at the default width; trains on a CPU in seconds. The model for a first look.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from curate.errors import CurateError
from curate.networks.model import Hyperparameters

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class BasicCnn:
    """`width` is the number of channels of the first convolution; they double twice."""

    width: int = 32
    gains_by_bf16: ClassVar[bool] = True
    hyperparameters: ClassVar[Hyperparameters] = Hyperparameters(
        n_epochs=20, batch_size=64, optimizer="adam", lr=2e-3, weight_decay=0.0, schedule="cosine"
    )

    def input_size(self, height: int, width: int) -> tuple[int, int]:
        return max(height, 4), max(width, 4)

    def build(self, n_channels: int, n_classes: int) -> "nn.Module":
        from torch import nn

        from curate.networks.pooling import MaxPool2

        if self.width < 1:
            raise CurateError(f"width={self.width} is too small: use 1 or more channels")
        first, second, third = self.width, 2 * self.width, 4 * self.width
        return nn.Sequential(
            nn.Conv2d(n_channels, first, 3, padding=1, bias=False),
            nn.BatchNorm2d(first),
            nn.ReLU(),
            MaxPool2(),
            nn.Conv2d(first, second, 3, padding=1, bias=False),
            nn.BatchNorm2d(second),
            nn.ReLU(),
            MaxPool2(),
            nn.Conv2d(second, third, 3, padding=1, bias=False),
            nn.BatchNorm2d(third),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(third, n_classes),
        )
