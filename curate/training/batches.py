"""Batches: from a dataset to normalised float tensors on the training device.

Images that are resident move to the device once, as uint8, and batches are cut there. Others are read
and decoded by a background thread while the device computes. Crop and flip happen in batches on the
device; what befalls a sample depends on seed, epoch and index alone, never on the rest of its batch.
"""

import queue
import threading
from collections.abc import Iterator
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from curate.data.dataset import Dataset
from curate.data.images import ResidentImages
from curate.errors import CurateError
from curate.networks.learner import Learner
from curate.rng import rng

PAD = 4  # pixels that a crop can move an image, for images of 32 pixels
AUGMENTATIONS = ("auto", "none", "crop", "flip", "crop-flip")
_PREPARE = 1024
_AHEAD = 3

Rows = npt.NDArray[np.int64]
T = TypeVar("T")


class Batches:
    """Cuts batches of a dataset, prepared for a learner, on its device."""

    def __init__(self, dataset: Dataset, learner: Learner) -> None:
        found = dataset.images.shape[2]
        if found != learner.n_channels:
            raise CurateError(
                f"{dataset.reference} has {found} channels, the model was made for {learner.n_channels}: "
                f"use --channels {learner.n_channels}"
            )
        self._dataset, self._learner, self.device = dataset, learner, learner.device
        self.n, self.uids = len(dataset), dataset.uids
        self.labels = torch.from_numpy(dataset.need_labels("training")).to(self.device)
        self._resident = self._all_on_device() if isinstance(dataset.images, ResidentImages) else None

    def plain(self, order: Rows, batch_size: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Images float32 `[batch, c, h, w]` and labels int64 `[batch]`, without augmentation."""
        for rows, images in self._raw(order, batch_size):
            yield self._learner.normalized(images), self.labels[rows]

    def augmented(
        self, order: Rows, batch_size: int, augment: str, seed: int, epoch: int
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """Like `plain`, each image moved and mirrored at random."""
        move, mirror = (word in augment for word in ("crop", "flip"))
        if not (move or mirror):
            yield from self.plain(order, batch_size)
            return
        chance = rng(seed, "augment", epoch)
        reach = max(1, PAD * self._learner.input_size[0] // 32) if move else 0
        shifts = chance.integers(0, 2 * reach + 1, (self.n, 2))
        mirrored = chance.random(self.n) < (0.5 if mirror else 0.0)
        shifts_here = torch.from_numpy(shifts).to(self.device)
        mirrored_here = torch.from_numpy(mirrored).to(self.device)
        for rows, images in self._raw(order, batch_size):
            moved = shift_and_mirror(images, shifts_here[rows], mirrored_here[rows], reach)
            yield self._learner.normalized(moved), self.labels[rows]

    def _all_on_device(self) -> Tensor:
        """uint8 `[n, c, h, w]`, resized once."""
        height, width = self._learner.input_size
        n_channels = self._dataset.images.shape[2]
        images = torch.empty((self.n, n_channels, height, width), dtype=torch.uint8, device=self.device)
        for start in range(0, self.n, _PREPARE):
            stop = min(start + _PREPARE, self.n)
            images[start:stop] = self._sized(np.arange(start, stop))
        return images

    def _sized(self, rows: Rows) -> Tensor:
        images = torch.from_numpy(self._dataset.images.read(rows)).permute(0, 3, 1, 2)
        return self._learner.sized(images)

    def _raw(self, order: Rows, batch_size: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Rows and their uint8 images, both on the device."""
        if self._resident is not None:
            for rows in torch.from_numpy(order).to(self.device).split(batch_size):
                yield rows, self._resident[rows]
            return
        pieces = [order[start : start + batch_size] for start in range(0, len(order), batch_size)]
        for rows, images in ahead((piece, self._sized(piece)) for piece in pieces):
            yield torch.from_numpy(rows).to(self.device), images.to(self.device, non_blocking=True)


def shift_and_mirror(images: Tensor, shifts: Tensor, mirrored: Tensor, reach: int) -> Tensor:
    """Each image cut from its zero-padded self at its own shift, and mirrored where told.

    images `[b, c, h, w]`; shifts int64 `[b, 2]` from 0 to 2·reach, where `reach` is no shift at all;
    mirrored bool `[b]`.
    """
    n, n_channels, height, width = images.shape
    padded = functional.pad(images, (reach,) * 4)
    down = torch.arange(height, device=images.device)
    right = torch.arange(width, device=images.device)
    ys = shifts[:, :1] + down
    xs = shifts[:, 1:] + torch.where(mirrored[:, None], width - 1 - right, right)
    sample = torch.arange(n, device=images.device).view(n, 1, 1, 1)
    channel = torch.arange(n_channels, device=images.device).view(1, n_channels, 1, 1)
    return padded[sample, channel, ys[:, None, :, None], xs[:, None, None, :]]


def ahead(items: Iterator[T]) -> Iterator[T]:
    """The same items, computed up to three ahead by a thread; its errors are raised here."""
    waiting: queue.Queue[tuple[bool, object]] = queue.Queue(_AHEAD)
    stopped = threading.Event()

    def put(entry: tuple[bool, object]) -> bool:
        while not stopped.is_set():
            try:
                waiting.put(entry, timeout=0.1)
            except queue.Full:
                continue
            return True
        return False

    def work() -> None:
        try:
            for item in items:
                if not put((True, item)):
                    return
            put((False, None))
        except BaseException as problem:  # noqa: BLE001  handed over to the thread that waits
            put((False, problem))

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        while True:
            good, value = waiting.get()
            if not good:
                if value is not None:
                    raise value  # type: ignore[misc]  # put there by `work`
                return
            yield value  # type: ignore[misc]
    finally:
        stopped.set()
        thread.join()


def check_augment(name: str, n_channels: int) -> str:
    """The augmentation meant by `name`; `auto` crops and flips colour images and leaves grey ones."""
    if name not in AUGMENTATIONS:
        raise CurateError(f"augment={name} is unknown: use one of {', '.join(AUGMENTATIONS)}")
    if name == "auto":
        return "crop-flip" if n_channels == 3 else "none"
    return name
