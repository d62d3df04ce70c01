"""What an augmentation is: the contract of the folder augmentations, and which one a name means.

What befalls a sample depends on seed, epoch and index alone: an augmentation first draws what it needs for
every sample of the dataset, and is then given the part of a batch. So the size and order of batches, and how
many processes share them, change nothing.
"""

from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from curate import finder
from curate.training.hyperparameters import augmentation_name

_PAD = 4  # pixels that a crop can move an image, for images of 32 pixels


class Augmentation(Protocol):
    """An augmentation plug-in: a frozen dataclass whose fields are its options."""

    def draw(
        self, n: int, input_size: tuple[int, int], rng: np.random.Generator
    ) -> Mapping[str, npt.NDArray[Any]]:
        """What befalls each of `n` samples in an epoch: arrays `[n, ...]` by name."""

    def apply(self, images: Tensor, drawn: Mapping[str, Tensor]) -> Tensor:
        """uint8 images `[batch, c, h, w]`, changed as `drawn` for them, `[batch, ...]` by name."""


@runtime_checkable
class Cutting(Protocol):
    """What an augmentation has as well that cuts parts out of images as they are stored, at first."""

    def boxes(
        self, sides: npt.NDArray[np.int32], drawn: Mapping[str, npt.NDArray[Any]]
    ) -> npt.NDArray[np.int32]:
        """The part of each image: top, left, height and width, int32 `[batch, 4]`.

        `sides` are height and width of each, int32 `[batch, 2]`, and `drawn` is what was drawn for them.
        """

    def tested(self, sides: npt.NDArray[np.int32], input_size: tuple[int, int]) -> npt.NDArray[np.int32]:
        """The part of each image on which a network is tested, `[batch, 4]` in the same way."""


def augmentation_for(name: str, n_channels: int) -> Augmentation:
    """The augmentation meant by `name`, which may be `auto`."""
    made: Augmentation = finder.make("augmentations", augmentation_name(name, n_channels))
    return made


def cuts(name: str, n_channels: int) -> bool:
    """Whether the augmentation meant by `name` cuts parts out of images as they are stored."""
    return isinstance(augmentation_for(name, n_channels), Cutting)


def reach_of(height: int) -> int:
    """How many pixels a crop can move an image of this height in either direction."""
    return max(1, _PAD * height // 32)


def unmoved(images: Tensor) -> Tensor:
    """Shifts that move nothing, for a reach of 0."""
    return torch.zeros((len(images), 2), dtype=torch.int64, device=images.device)


def shift_and_mirror(images: Tensor, shifts: Tensor, mirrored: Tensor, reach: int) -> Tensor:
    """Each image cut from its zero-padded self at its own shift, and mirrored where told.

    images `[b, c, h, w]`; shifts int64 `[b, 2]` from 0 to 2·reach, where `reach` is no shift at all;
    mirrored bool `[b]`.
    """
    if reach == 0:
        return _mirrored(images, mirrored)
    n, n_channels, height, width = images.shape
    padded = functional.pad(images, (reach,) * 4)
    down = torch.arange(height, device=images.device)
    right = torch.arange(width, device=images.device)
    ys = shifts[:, :1] + down
    xs = shifts[:, 1:] + torch.where(mirrored[:, None], width - 1 - right, right)
    pixels = ys[:, :, None] * padded.shape[3] + xs[:, None, :]  # of a padded image, counted row by row
    pixels = pixels.view(n, 1, -1).expand(-1, n_channels, -1)
    return padded.flatten(2).gather(2, pixels).view(images.shape)


def _mirrored(images: Tensor, mirrored: Tensor) -> Tensor:
    """Images, mirrored where told: on a CPU one after another, where to choose among all takes longer."""
    if images.device.type != "cpu":
        return torch.where(mirrored[:, None, None, None], images.flip(3), images)
    changed = images.clone()
    for place in mirrored.nonzero()[:, 0].tolist():
        changed[place] = images[place].flip(2)
    return changed
