"""resnet8: a residual network of three blocks, 16, 32 and 64 channels wide, for images of about 32x32.

About 78,000 parameters and 12 million multiplications an image: it learns CIFAR-10 on a CPU in minutes.
Source: He et al. 2016, section 4.2, with n = 1.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from curate.errors import CurateError
from curate.networks.model import Hyperparameters

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class ResNet8:
    """`width` is the number of channels of the first block; they double twice."""

    width: int = 16
    gains_by_bf16: ClassVar[bool] = True
    hyperparameters: ClassVar[Hyperparameters] = Hyperparameters(n_epochs=40, lr=0.2, schedule="linear")

    def __post_init__(self) -> None:
        if self.width < 1:
            raise CurateError(f"width={self.width} is too small: use 1 or more channels")

    def input_size(self, height: int, width: int) -> tuple[int, int]:
        return max(height, 4), max(width, 4)

    def build(self, n_channels: int, n_classes: int) -> "nn.Module":
        from torch import nn

        from curate.networks.residual import BasicBlock

        first, second, third = self.width, 2 * self.width, 4 * self.width
        return nn.Sequential(
            nn.Conv2d(n_channels, first, 3, padding=1, bias=False),
            nn.BatchNorm2d(first),
            nn.ReLU(),
            BasicBlock(first, first, stride=1),
            BasicBlock(first, second, stride=2),
            BasicBlock(second, third, stride=2),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(third, n_classes),
        )
