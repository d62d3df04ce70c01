"""What a model is, and the hyperparameters it brings: the contract of the folder models."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Protocol

from curate.errors import CurateError

if TYPE_CHECKING:
    from torch import nn

PRECISIONS = ("auto", "fp32", "bf16")
DEFAULT_MODEL = "basic-cnn"
DEFAULT_BEYOND = "resnet10"  # of larger images; it has the options of the other, which are known before data
SMALL = 48  # pixels that an image has in either direction at most where the first is the default


@dataclass(frozen=True)
class Hyperparameters:
    """How a model is trained by default. `lr` is the largest learning rate of the schedule.

    `optimizer` is `sgd` (Nesterov momentum) or `adam`; `schedule` is constant, multistep, cosine, linear or
    onecycle; `augment` is `none`, `flip`, `crop`, `crop-flip`, or `auto`: crop and flip for colour images;
    `precision` is `fp32`, `bf16`, or `auto`: bf16 where the machine has it and the model gains by it.
    """

    n_epochs: int = 30
    batch_size: int = 128
    optimizer: str = "sgd"
    lr: float = 0.1
    momentum: float = 0.9
    weight_decay: float = 5e-4
    schedule: str = "cosine"
    augment: str = "auto"
    precision: str = "auto"


class Model(Protocol):
    """A model plug-in: a frozen dataclass whose fields are its options.

    `gains_by_bf16` is whether it trains faster in bfloat16 on a CPU that has such arithmetic.
    """

    hyperparameters: ClassVar[Hyperparameters]
    gains_by_bf16: ClassVar[bool]

    def input_size(self, height: int, width: int) -> tuple[int, int]:
        """The image size the network wants for images of this size; images are resized to it."""

    def build(self, n_channels: int, n_classes: int) -> "nn.Module":
        """A fresh network: `[batch, n_channels, height, width]` to logits `[batch, n_classes]`."""


def check_precision(asked: str) -> None:
    """Refuse a precision that there is not."""
    if asked not in PRECISIONS:
        raise CurateError(f"precision={asked} is unknown: use auto, fp32 or bf16")


def default_model(height: int, width: int) -> str:
    """The model for images of this size, where the user names none."""
    return DEFAULT_MODEL if max(height, width) <= SMALL else DEFAULT_BEYOND


STEMS = ("3x3", "7x7")


def check_stem(stem: str) -> None:
    """Refuse a stem that there is not."""
    if stem not in STEMS:
        raise CurateError(f"stem={stem} is unknown: use one of {', '.join(STEMS)}")


def with_stem(network: "nn.Module", stem: str, n_channels: int) -> "nn.Module":
    """A torchvision ResNet with first layers of its own for so many channels.

    Those of 3x3 keep the resolution, as is usual for 32x32 images; those of 7x7 are the published ones.
    """
    from torch import nn

    if stem == "3x3":
        first = nn.Conv2d(n_channels, 64, 3, stride=1, padding=1, bias=False)
        network.maxpool = nn.Identity()
    else:
        first = nn.Conv2d(n_channels, 64, 7, stride=2, padding=3, bias=False)
    nn.init.kaiming_normal_(first.weight, mode="fan_out", nonlinearity="relu")
    network.conv1 = first
    return network
