"""resnet10: a residual network of four blocks, 32 to 256 channels wide, for photographs of 64 pixels or more.

About 1.2 million parameters, and 64 million multiplications for an image of 64x64: between basic-cnn and
resnet18. The first convolution halves an image. Source: He et al. 2016, with one block a stage.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, ClassVar

from curate.errors import CurateError
from curate.networks.model import Hyperparameters

if TYPE_CHECKING:
    from torch import nn

_STAGES = 4


@dataclass(frozen=True)
class ResNet10:
    """`width` is the number of channels of the first block; they double three times."""

    width: int = 32
    gains_by_bf16: ClassVar[bool] = True
    hyperparameters: ClassVar[Hyperparameters] = Hyperparameters(n_epochs=30, batch_size=64, lr=0.1)

    def __post_init__(self) -> None:
        if self.width < 1:
            raise CurateError(f"width={self.width} is too small: use 1 or more channels")

    def input_size(self, height: int, width: int) -> tuple[int, int]:
        return max(height, 16), max(width, 16)

    def build(self, n_channels: int, n_classes: int) -> "nn.Module":
        from torch import nn

        from curate.networks.residual import BasicBlock

        widths = [self.width * 2**stage for stage in range(_STAGES)]
        blocks = [BasicBlock(widths[0], widths[0], stride=1)]
        blocks += [BasicBlock(narrow, wide, stride=2) for narrow, wide in pairwise(widths)]
        return nn.Sequential(
            nn.Conv2d(n_channels, widths[0], 3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(widths[0]),
            nn.ReLU(),
            *blocks,
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(widths[-1], n_classes),
        )
