"""lenet5: LeNet-5 with batch norm on 32x32 input, 61,750 parameters for grey images.

The variant used for k-means pruning of MNIST: ReLU, max pooling and batch norm after the convolutions.
Pooling stands before ReLU: both only ever pick the larger value, so the result is the same, and ReLU
has a quarter of the work. Source: LeCun et al. 1998.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from curate.networks.model import Hyperparameters

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class LeNet5:
    """LeNet-5; it has no options."""

    gains_by_bf16: ClassVar[bool] = False
    hyperparameters: ClassVar[Hyperparameters] = Hyperparameters(
        n_epochs=5,
        batch_size=64,
        optimizer="adam",
        lr=1e-3,
        weight_decay=0.0,
        schedule="cosine",
        augment="none",
    )

    def input_size(self, height: int, width: int) -> tuple[int, int]:
        return 32, 32

    def build(self, n_channels: int, n_classes: int) -> "nn.Module":
        from torch import nn

        from curate.networks.pooling import MaxPool2

        return nn.Sequential(
            nn.Conv2d(n_channels, 6, 5),
            nn.BatchNorm2d(6),
            MaxPool2(),
            nn.ReLU(),
            nn.Conv2d(6, 16, 5),
            nn.BatchNorm2d(16),
            MaxPool2(),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(400, 120),
            nn.ReLU(),
            nn.Linear(120, 84),
            nn.ReLU(),
            nn.Linear(84, n_classes),
        )
