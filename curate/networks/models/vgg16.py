"""vgg16: VGG-16 with batch norm and one linear layer, for images of 32x32 or more. Source: Simonyan 2015."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from curate.networks.model import Hyperparameters

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class Vgg16:
    """VGG-16; it has no options. Smaller images are enlarged to 32x32."""

    gains_by_bf16: ClassVar[bool] = True
    hyperparameters: ClassVar[Hyperparameters] = Hyperparameters(n_epochs=200, lr=0.05)

    def input_size(self, height: int, width: int) -> tuple[int, int]:
        return max(height, 32), max(width, 32)

    def build(self, n_channels: int, n_classes: int) -> "nn.Module":
        from torch import nn
        from torchvision import models

        features = models.vgg16_bn(num_classes=1).features
        if n_channels != 3:
            features[0] = nn.Conv2d(n_channels, 64, 3, padding=1)
        return nn.Sequential(features, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, n_classes))
