"""resnet34: ResNet-34, by default with a 3x3 stem and no first pooling, for images of about 32x32.

With stem=7x7 it is that of ImageNet, which halves an image twice before the first block.

Source: He et al. 2016.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from curate.networks.model import Hyperparameters, check_stem, with_stem

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class ResNet34:
    """ResNet-34; `stem` is 3x3, or 7x7 for large images."""

    stem: str = "3x3"

    gains_by_bf16: ClassVar[bool] = True
    hyperparameters: ClassVar[Hyperparameters] = Hyperparameters(n_epochs=200)

    def __post_init__(self) -> None:
        check_stem(self.stem)

    def input_size(self, height: int, width: int) -> tuple[int, int]:
        return height, width

    def build(self, n_channels: int, n_classes: int) -> "nn.Module":
        from torchvision import models

        return with_stem(models.resnet34(num_classes=n_classes), self.stem, n_channels)
