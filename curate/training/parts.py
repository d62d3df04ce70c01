"""Parts of images, each scaled to the size of the input, made by other processes beside the training.

Scaling is bilinear and antialiased, by torch's kernel for bytes, which gives what PIL gives up to rounding. A
few parts at a time are cut, changed and normalized together, while they are in the cache of a core. Threads
would wait for each other more than they decode: they make the parts only of images that are read together,
and are then kept for all, and where a process does not fork.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Executor, Future, ThreadPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from typing import Any
from weakref import finalize

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from curate.data.identity import Indices
from curate.data.images import Images, Sides
from curate.errors import CurateError
from curate.networks.learner import Learner
from curate.processes import forked
from curate.training.augmentation import Augmentation
from curate.training.room import Room
from curate.world import cores

_AHEAD = 3  # batches that are made before they are asked for
_PLACES = _AHEAD + 3  # the one being used, the one asked for, and one to hold on to
_FEW_BYTES = 2**20  # of floats, that are computed together
_MOST = 32  # parts of one task


@dataclass(frozen=True)
class Wanted:
    """Parts of images: indices `[n]`, boxes int32 `[n, 4]`, and how each is changed, if at all.

    Boxes are top, left, height and width in an image as it is stored; `drawn` is what befalls each, arrays
    `[n, ...]` by name.
    """

    rows: Indices
    boxes: Sides
    change: Augmentation | None = None
    drawn: Mapping[str, npt.NDArray[Any]] = field(default_factory=dict)

    def some(self, start: int, stop: int) -> "Wanted":
        """Those from `start` to before `stop`."""
        drawn = {name: value[start:stop] for name, value in self.drawn.items()}
        return Wanted(self.rows[start:stop], self.boxes[start:stop], self.change, drawn)

    def changed(self, parts: Tensor) -> Tensor:
        """The parts, bytes on any device, with what befalls them."""
        if self.change is None:
            return parts
        drawn = {name: torch.from_numpy(value).to(parts.device) for name, value in self.drawn.items()}
        return self.change.apply(parts, drawn)


class Parts:
    """Makes the parts of images that a learner trains on, batch by batch.

    They are what its network takes, float32 `[n, c, h, w]`, where they `are_ready`, else bytes that were only
    cut and scaled.
    """

    def __init__(self, images: Images, learner: Learner) -> None:
        self.are_ready = learner.device.type == "cpu" and learner.precision == "fp32"
        self._maker = _Maker(images, learner, self.are_ready)
        self._room: Room | None = None
        self._pool: Executor | None = None
        self._end: Callable[[], object] = lambda: None

    def batches(self, wanted: Iterable[Wanted]) -> Iterator[tuple[Wanted, Tensor]]:
        """Each batch as it was wanted, and its parts, in turn; some batches are made ahead."""
        waiting: deque[_Batch] = deque()
        try:
            for batch in wanted:
                waiting.append(self._begin(batch))
                if len(waiting) > _AHEAD:
                    yield waiting.popleft().finish()
            while waiting:
                yield waiting.popleft().finish()
        finally:
            for one in waiting:
                one.drop()

    def _begin(self, wanted: Wanted) -> "_Batch":
        """Have a batch made."""
        n = len(wanted.rows)
        if self._room is None or self._pool is None or n > self._room.n:
            self._room = Room(_PLACES, n, self._maker.shape, np.float32 if self.are_ready else np.uint8)
            self._pool = _pool(self._maker, self._room)
            self._end()  # when it has nothing left to do
            self._end = finalize(self, self._pool.shutdown, wait=False)
        place = self._room.take()
        if place is None:  # other batches are not let go
            self._room = None
            return self._begin(wanted)
        at_once = max(1, min(_MOST, -(-n // cores())))
        tasks = [
            self._pool.submit(_work, place, start, wanted.some(start, start + at_once))
            for start in range(0, n, at_once)
        ]
        return _Batch(wanted, tasks, place, self._room, self._pool)


@dataclass(frozen=True)
class _Batch:
    """A batch that is being made at a place of a room."""

    wanted: Wanted
    tasks: list["Future[None]"]
    place: int
    room: Room
    pool: Executor

    def finish(self) -> tuple[Wanted, Tensor]:
        """Wait until it is made."""
        try:
            for task in self.tasks:
                task.result()
        except BrokenProcessPool:
            raise CurateError(
                "a process that decodes images was ended, maybe for want of memory: start again"
            ) from None
        return self.wanted, self.room.give(self.place, len(self.wanted.rows))

    def drop(self) -> None:
        """Give back its place, when nobody writes there any more."""
        for task in self.tasks:
            task.cancel()
        wait(self.tasks)
        self.room.give(self.place, 0)


@dataclass(frozen=True)
class _Maker:
    """Makes parts, in whatever process."""

    images: Images
    learner: Learner
    are_ready: bool

    @property
    def shape(self) -> tuple[int, int, int]:
        """Of a part."""
        return (self.images.shape[2], *self.learner.input_size)

    def make(self, wanted: Wanted, room: Tensor) -> None:
        """Make parts and write them to a room of as many."""
        few = max(1, _FEW_BYTES // int(4 * np.prod(self.shape)))
        for start in range(0, len(wanted.rows), few):
            self._few(wanted.some(start, start + few), room[start : start + few])

    def _few(self, wanted: Wanted, room: Tensor) -> None:
        pixels = torch.empty((len(wanted.rows), *self.shape), dtype=torch.uint8) if self.are_ready else room
        for place, (row, box) in enumerate(zip(wanted.rows.tolist(), wanted.boxes.tolist(), strict=True)):
            pixels[place] = self._part(row, box)
        if not self.are_ready:
            return
        self.learner.normalized(wanted.changed(pixels), room)

    def _part(self, row: int, box: list[int]) -> Tensor:
        size = self.learner.input_size
        part = np.require(self.images.part(row, box, size), requirements=["W"])
        pixels = torch.from_numpy(part).permute(2, 0, 1)[None]
        if pixels.shape[2:] != size:
            pixels = functional.interpolate(
                pixels, size, mode="bilinear", align_corners=False, antialias=True
            )
        return pixels[0]


_own = threading.local()


def _work(place: int, start: int, wanted: Wanted) -> None:
    """One task of a worker."""
    _own.maker.make(wanted, torch.from_numpy(_own.room.at(place, start, start + len(wanted.rows))))


def _pool(maker: _Maker, room: Room) -> Executor:
    """As many workers as there are cores, and no more than have work; they run when it is returned."""
    n_workers = min(cores(), -(-len(maker.images) // _MOST) or 1)
    if maker.images.locality is None and (pool := forked(n_workers, _begin, (maker, room))):
        return pool
    n_threads = torch.get_num_threads()
    all_there = threading.Barrier(n_workers)
    threads = ThreadPoolExecutor(n_workers, initializer=_begin, initargs=(maker, room))
    for there in [threads.submit(all_there.wait) for _ in range(n_workers)]:
        there.result()
    torch.set_num_threads(n_threads)  # of other threads, those to come among them
    return threads


def _begin(maker: _Maker, room: Room) -> None:
    """Let torch share out nothing of what this thread asks for."""
    torch.set_num_threads(1)
    torch.get_num_threads()  # else the first computation takes the number of all
    _own.maker, _own.room = maker, room
