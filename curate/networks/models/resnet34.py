"""resnet34: ResNet-34 with a 3x3 stem and no first pooling, for images of about 32x32.

Source: He et al. 2016.
"""

from dataclasses import dataclass
from typing import ClassVar

from torch import nn
from torchvision import models

from curate.networks.model import Hyperparameters, small_image_stem


@dataclass(frozen=True)
class ResNet34:
    """ResNet-34; it has no options."""

    gains_by_bf16: ClassVar[bool] = True
    hyperparameters: ClassVar[Hyperparameters] = Hyperparameters(n_epochs=200)

    def input_size(self, height: int, width: int) -> tuple[int, int]:
        return height, width

    def build(self, n_channels: int, n_classes: int) -> nn.Module:
        return small_image_stem(models.resnet34(num_classes=n_classes), n_channels)
