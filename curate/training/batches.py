"""Batches: from a dataset to normalised float tensors on the training device.

Images that are resident move to the device once, as uint8, and batches are cut there; on a GPU many are
prepared at a time, since a small operation costs more to start than to do. Others are read and decoded by a
background thread while the device computes. What befalls a sample depends on seed, epoch and index alone,
never on the rest of its batch. Nothing here waits for the device.
"""

import queue
import threading
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import NamedTuple, TypeVar

import numpy as np
import torch
from torch import Tensor

from curate.data.dataset import Dataset
from curate.data.decoding import Pixels
from curate.data.identity import Indices
from curate.data.images import ResidentImages, as_stored
from curate.errors import CurateError
from curate.networks.learner import Learner
from curate.rng import rng
from curate.training.augmentation import Augmentation, Cutting, augmentation_for
from curate.training.cropping import scaled_parts
from curate.training.parts import Parts, Wanted

_PREPARE = 1024
_AHEAD = 3
_AT_A_TIME = 2**26  # bytes of float32 images prepared at a time on a GPU; a CPU gains nothing by it

T = TypeVar("T")


class Batch(NamedTuple):
    """Samples on the training device: `rows` are their indices, int64 `[batch]`.

    `images` are normalized, float32 `[batch, c, h, w]`; `labels` are int64 `[batch]`.
    """

    rows: Tensor
    images: Tensor
    labels: Tensor


class Batches:
    """Cuts batches of a dataset, prepared for a learner, on its device.

    `augment` names the augmentation that it trains with, by default its model's own: where that cuts parts
    out of images, networks are tested on parts as well.
    """

    def __init__(self, dataset: Dataset, learner: Learner, augment: str = "") -> None:
        n_channels = dataset.images.shape[2]
        if n_channels != learner.n_channels:
            raise CurateError(
                f"{dataset.reference} has {n_channels} channels, the model was made for "
                f"{learner.n_channels}: use --channels {learner.n_channels}"
            )
        self._dataset, self._learner, self.device = dataset, learner, learner.device
        self.n, self.uids = len(dataset), dataset.uids
        self.labels_by_index = dataset.need_labels("training")
        self.labels = torch.from_numpy(self.labels_by_index).to(self.device)
        how = augmentation_for(augment or learner.hyperparameters.augment, n_channels)
        self._cutting = how if isinstance(how, Cutting) else None
        self._images = dataset.images if self._cutting is None else as_stored(dataset.images)
        fits = self._cutting is None or self._images.shape[:2] == learner.input_size
        is_resident = fits and isinstance(self._images, ResidentImages)
        self._resident = self._all_on_device() if is_resident else None
        self._cuts_on_device = self._cutting is not None and is_resident and self.device.type != "cpu"

    def plain(self, order: Indices, batch_size: int) -> Iterator[Batch]:
        """The samples of `order`, without augmentation, so many at a time.

        Of a network that trains on parts of larger images, they are the part in the middle.
        """
        cutting, size = self._cutting, self._learner.input_size
        if cutting is not None and self._resident is None:

            def tested(rows: Indices) -> Wanted:
                return Wanted(rows, cutting.tested(self._images.sides(rows), size))

            yield from self._parts_of(order, batch_size, tested)
            return
        for rows, images in self._raw(order, self._at_a_time(batch_size)):
            yield from self._cut(rows, images, batch_size)

    def augmented(
        self, order: Indices, batch_size: int, augmentation: Augmentation, seed: int, epoch: int
    ) -> Iterator[Batch]:
        """Like `plain`, each image changed at random as the augmentation does it."""
        where = self._images.locality
        if where is not None and where.changes_order:
            order = where.blocks(order, rng(seed, "order of shards", epoch))
        chance = rng(seed, "augment", epoch)
        values = augmentation.draw(self.n, self._learner.input_size, chance)
        boxes = None
        if isinstance(augmentation, Cutting):
            cutting = augmentation

            def cut(rows: Indices) -> Wanted:
                own = {name: value[rows] for name, value in values.items()}
                return Wanted(rows, cutting.boxes(self._images.sides(rows), own), augmentation, own)

            if not self._cuts_on_device:
                yield from self._parts_of(order, batch_size, cut)
                return
            boxes = torch.from_numpy(cut(np.arange(self.n)).boxes).to(self.device)
        drawn = {name: torch.from_numpy(value).to(self.device) for name, value in values.items()}
        for rows, images in self._raw(order, self._at_a_time(batch_size)):
            own = {name: value[rows] for name, value in drawn.items()}
            parts = images if boxes is None else scaled_parts(images, boxes[rows], self._learner.input_size)
            yield from self._cut(rows, augmentation.apply(parts, own), batch_size)

    @property
    def nothing(self) -> Batch:
        """A batch without samples."""
        images = torch.empty((0, self._learner.n_channels, *self._learner.input_size), device=self.device)
        return Batch(torch.empty(0, dtype=torch.int64, device=self.device), images, self.labels[:0])

    @cached_property
    def _parts(self) -> Parts:
        return Parts(self._images, self._learner)

    def _at_a_time(self, batch_size: int) -> int:
        """How many samples are prepared together: whole batches, and more than one where that pays."""
        if self._resident is None or self.device.type == "cpu":
            return batch_size
        return batch_size * max(1, _AT_A_TIME // (4 * self._resident[0].numel() * batch_size))

    def _cut(self, rows: Tensor, images: Tensor, batch_size: int) -> Iterator[Batch]:
        """Batches of uint8 images, normalized together."""
        parts = (rows, self._learner.normalized(images), self.labels[rows])
        yield from map(Batch, *(part.split(batch_size) for part in parts))

    def _all_on_device(self) -> Tensor:
        """uint8 `[n, c, h, w]`, resized once; zeros where a sample is missing."""
        assert isinstance(self._images, ResidentImages)
        array = self._images.array
        n_channels, size = self._images.shape[2], self._learner.input_size
        if n_channels == 1 and array.shape[1:3] == size:  # nothing to arrange
            return torch.from_numpy(array.reshape(self.n, 1, *size)).to(self.device)
        images = torch.empty((self.n, n_channels, *size), dtype=torch.uint8, device=self.device)
        for start in range(0, self.n, _PREPARE):
            some = slice(start, start + _PREPARE)
            images[some] = self._sized(array[some]).to(self.device)
        return images

    def _sized(self, pixels: Pixels) -> Tensor:
        return self._learner.sized(torch.from_numpy(pixels).permute(0, 3, 1, 2))

    def _parts_of(
        self, order: Indices, batch_size: int, wanted: Callable[[Indices], Wanted]
    ) -> Iterator[Batch]:
        """Batches of parts of the images as they are stored."""
        pieces = (order[start : start + batch_size] for start in range(0, len(order), batch_size))
        for own, parts in self._parts.batches(map(wanted, pieces)):
            rows = torch.from_numpy(own.rows).to(self.device)
            if self._parts.are_ready:
                yield Batch(rows, parts, self.labels[rows])
            else:
                changed = own.changed(parts.to(self.device, non_blocking=True))
                yield from self._cut(rows, changed, batch_size)

    def _raw(self, order: Indices, batch_size: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Indices and their uint8 images, both on the device."""
        if not len(order):
            return
        if self._resident is not None:
            for rows in torch.from_numpy(order).to(self.device).split(batch_size):
                yield rows, self._resident[rows]
            return
        pieces = [order[start : start + batch_size] for start in range(0, len(order), batch_size)]
        for rows, images in ahead((piece, self._sized(self._dataset.images.read(piece))) for piece in pieces):
            yield torch.from_numpy(rows).to(self.device), images.to(self.device, non_blocking=True)


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
