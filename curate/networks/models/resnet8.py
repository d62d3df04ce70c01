"""resnet8: a residual network of three blocks, 16, 32 and 64 channels wide, for images of about 32x32.

About 78,000 parameters and 12 million multiplications an image: it learns CIFAR-10 on a CPU in minutes.
Source: He et al. 2016, section 4.2, with n = 1.
"""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor, nn

from curate.errors import CurateError
from curate.networks.model import Hyperparameters


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

    def build(self, n_channels: int, n_classes: int) -> nn.Module:
        first, second, third = self.width, 2 * self.width, 4 * self.width
        return nn.Sequential(
            nn.Conv2d(n_channels, first, 3, padding=1, bias=False),
            nn.BatchNorm2d(first),
            nn.ReLU(),
            _Block(first, first, stride=1),
            _Block(first, second, stride=2),
            _Block(second, third, stride=2),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(third, n_classes),
        )


class _Block(nn.Module):
    """Two convolutions beside a shortcut, which is a 1x1 convolution where sizes differ."""

    def __init__(self, n_in: int, n_out: int, stride: int) -> None:
        super().__init__()
        self.main = nn.Sequential(
            nn.Conv2d(n_in, n_out, 3, stride, padding=1, bias=False),
            nn.BatchNorm2d(n_out),
            nn.ReLU(),
            nn.Conv2d(n_out, n_out, 3, padding=1, bias=False),
            nn.BatchNorm2d(n_out),
        )
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or n_in != n_out:
            self.shortcut = nn.Sequential(
                nn.Conv2d(n_in, n_out, 1, stride, bias=False), nn.BatchNorm2d(n_out)
            )
        self.after = nn.ReLU()

    def forward(self, images: Tensor) -> Tensor:
        result: Tensor = self.after(self.main(images) + self.shortcut(images))
        return result
