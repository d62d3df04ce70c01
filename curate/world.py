"""The processes that torchrun started to do one command together: who they are, what they sum and agree on.

Each is a rank. Alone there is one, and nothing is sent. Ranks talk through torch.distributed (gloo); a thread
of each tells the others that it lives, so that none waits for one that is gone or cannot be reached.
"""

import json
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from curate.errors import CurateError

if TYPE_CHECKING:
    import numpy.typing as npt

_MEET = 50.0  # seconds in which ranks have to come
_BEAT, _GONE = 1.0, 45.0  # seconds from one sign of life to the next, and without any until a rank is gone
_FOREVER = timedelta(days=30)  # whether a rank is gone is told by its signs of life
_AGAIN = "start the same command again, which goes on where it was"


T = TypeVar("T")


class World:
    """All ranks, as one of them sees them; this one is alone."""

    rank, size = 0, 1

    def total(self, array: "npt.NDArray[Any]") -> "npt.NDArray[Any]":
        """The sum over all ranks, the same bits on each; the arrays are of one shape and type."""
        return array

    def gather(self, arrays: "Sequence[npt.NDArray[Any]]") -> "list[list[npt.NDArray[Any]]]":
        """The arrays of every rank, by rank; each is one-dimensional, of a type that all ranks agree on."""
        return [list(arrays)]

    def add_up(self, tensor: Any) -> None:
        """Make a tensor, on whatever device, the sum of those of all ranks."""

    def wait(self) -> None:
        """Go on when all ranks are here."""

    def agree(self, about: Mapping[str, Any]) -> None:
        """Refuse what is not the same on all ranks: CurateError, naming the first that differs."""


ALONE = World()


class Ranks(World):
    """The ranks of torch.distributed's default process group; arrays travel on a device it speaks for."""

    def __init__(self, device: str = "cpu") -> None:
        import torch.distributed as dist

        self._dist, self._device = dist, device
        self.rank, self.size = dist.get_rank(), dist.get_world_size()

    def __deepcopy__(self, _: Any) -> "Ranks":
        return self  # there is one group

    def total(self, array: "npt.NDArray[Any]") -> "npt.NDArray[Any]":
        """Summed by the backend of the device."""
        import numpy as np
        import torch

        summed = torch.from_numpy(np.array(array, order="C")).to(self._device)
        self._ask(self._dist.all_reduce, summed)
        return summed.cpu().numpy()

    def gather(self, arrays: "Sequence[npt.NDArray[Any]]") -> "list[list[npt.NDArray[Any]]]":
        """Sent as bytes, behind one another."""
        import numpy as np
        import torch

        mine = np.concatenate([np.ascontiguousarray(one).view(np.uint8) for one in arrays])
        lengths = self._gathered(torch.tensor([len(one) for one in arrays]))
        longest = max(int((of.numpy() * [one.itemsize for one in arrays]).sum()) for of in lengths)
        padded = torch.zeros(longest, dtype=torch.uint8)
        padded[: len(mine)] = torch.from_numpy(mine)
        told = self._gathered(padded)
        return [_cut(part.numpy(), of.tolist(), arrays) for part, of in zip(told, lengths, strict=True)]

    def wait(self) -> None:
        """A sum of nothing."""
        import numpy as np

        self.total(np.zeros(1))

    def agree(self, about: Mapping[str, Any]) -> None:
        """Compared as JSON."""
        import numpy as np

        plain = json.dumps(dict(about), sort_keys=True, default=str).encode()
        told = [json.loads(own[0].tobytes()) for own in self.gather([np.frombuffer(plain, np.uint8)])]
        for other, theirs in enumerate(told[1:], 1):
            for name in sorted({*told[0], *theirs}):
                here, there = told[0].get(name), theirs.get(name)
                if here != there:
                    here, there = _where_they_differ(str(here), str(there))
                    raise CurateError(
                        f"ranks differ in {name}: rank 0 has {here}, rank {other} has {there}; start all "
                        "with the same command, data and versions"
                    )

    def add_up(self, tensor: Any) -> None:
        """Summed where it is: through gloo or NCCL."""
        self._ask(self._dist.all_reduce, tensor)

    def _gathered(self, values: Any) -> list[Any]:
        import torch

        there = values.to(self._device)
        parts = [torch.empty_like(there) for _ in range(self.size)]
        self._ask(self._dist.all_gather, parts, there)
        return [part.cpu() for part in parts]

    def _ask(self, ask: Any, *given: Any) -> None:
        try:
            ask(*given)
        except RuntimeError:
            raise GoneError(f"another rank has ended before its work was done: {_AGAIN}") from None


class GoneError(CurateError):
    """Another rank is gone; what is to be said may have been said there."""


def here() -> World:
    """This process among those that do the same command."""
    return _world


def is_started() -> bool:
    """Whether torchrun started this process as one of several."""
    return int(os.environ.get("WORLD_SIZE", "1")) > 1 and "RANK" in os.environ


def join() -> None:
    """Meet the other ranks; from here on `here` is one of them."""
    global _world  # noqa: PLW0603  a process is one rank
    import torch
    import torch.distributed as dist

    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")) % torch.cuda.device_count())
    try:
        meeting = dist.rendezvous("env://", timeout=timedelta(seconds=_MEET))  # type: ignore[attr-defined]
        store, rank, size = next(iter(meeting))
        _all_met(store, size)
        _heart.start(rank, size)
        dist.init_process_group(
            _backend(store, rank, size), store=store, rank=rank, world_size=size, timeout=_FOREVER
        )
    except (RuntimeError, ValueError) as problem:
        raise CurateError(f"the ranks cannot meet ({' '.join(str(problem).split())[:120]})") from None
    _world = Ranks()


def _backend(store: Any, rank: int, size: int) -> str:
    """How ranks talk: gloo, and NCCL of GPUs where each rank has one of its own, which it wants."""
    import torch

    own = ""
    if torch.cuda.is_available():
        own = str(torch.cuda.get_device_properties(torch.cuda.current_device()).uuid)
    store.set(f"curate/gpu/{rank}", own)
    of_all = [bytes(store.get(f"curate/gpu/{other}")).decode() for other in range(size)]
    have_one = all(of_all) and len(set(of_all)) == size
    return "cpu:gloo,cuda:nccl" if have_one else "gloo"


def _all_met(store: Any, size: int) -> None:
    """Wait until all ranks have come."""
    store.add("curate/met", 1)
    began = time.monotonic()
    while (n_met := int(store.add("curate/met", 0))) < size:
        if time.monotonic() - began > _MEET:
            raise CurateError(
                f"of {size} ranks {size - n_met} did not come within {_MEET:.0f} s: {_AGAIN}; a command that "
                "torchrun did not start wants WORLD_SIZE=1"
            )
        time.sleep(0.05)


def share(n: int) -> tuple[int, int]:
    """Start and stop of this rank's part of `n` things in a row."""
    return n * _world.rank // _world.size, n * (_world.rank + 1) // _world.size


def cores() -> int:
    """How many processors this process may keep busy: those it is bound to, or its part of the machine's.

    The ranks that torchrun starts on a machine share its processors, unless the others wait for this one.
    """
    of_machine = os.cpu_count() or 1
    bound_to = len(os.sched_getaffinity(0)) if sys.platform == "linux" else of_machine
    return max(1, min(bound_to, of_machine if _others_wait else of_machine // n_here()))


def n_here() -> int:
    """How many ranks torchrun started on this machine."""
    told = os.environ.get("LOCAL_WORLD_SIZE", "")
    return max(1, int(told)) if told.isdigit() else 1


def first_alone(work: Callable[[], T]) -> T:
    """What `work` gives on every rank: the first does it before the others, which find what it left.

    Meanwhile the first is alone, so that nothing in it asks for those that wait.
    """
    global _others_wait  # noqa: PLW0603  as above
    ranks = _world
    if ranks.rank:
        ranks.wait()
        return work()
    before, _others_wait = _others_wait, _others_wait or ranks.size > 1
    try:
        with alone():
            done = work()
    finally:
        _others_wait = before
    ranks.wait()
    return done


@contextmanager
def alone() -> Iterator[None]:
    """Let this process be alone for a while: it does what it does without the others."""
    global _world  # noqa: PLW0603  as above
    ranks, _world = _world, ALONE
    try:
        yield
    finally:
        _world = ranks


def dealt(n: int) -> range:
    """Which of `n` pieces of work are this rank's, where they are dealt out in turn."""
    return range(_world.rank, n, _world.size)


def leave() -> None:
    """Part from the other ranks, when all are done."""
    global _world  # noqa: PLW0603  as above
    if isinstance(_world, Ranks):
        import torch.distributed as dist

        _world.wait()
        _heart.stop()
        _world = ALONE
        dist.destroy_process_group()


def is_first_to_say() -> bool:
    """Whether no rank has said yet why all end; of several that find the same wrong, one says so."""
    return _heart.is_first_to_say()


def linger() -> None:
    """Stay for a moment, so that ranks that find the same wrong can ask whether it was said."""
    time.sleep(2 * _BEAT)


class _Heart:
    """Tells the other ranks that this one lives, and ends it when one of them is gone."""

    def __init__(self) -> None:
        self._stopped = threading.Event()
        self._store: Any = None
        self._asked = 0.0  # when the store last answered

    def start(self, rank: int, size: int) -> None:
        """Begin, with a connection of its own; who waits for an answer of the store is watched by another."""
        from torch.distributed import TCPStore  # type: ignore[attr-defined]

        host, port = os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])
        patience = timedelta(seconds=_GONE)
        self._store = TCPStore(host, port, is_master=False, timeout=patience)
        own = TCPStore(host, port, is_master=False, timeout=patience)
        self._asked = time.monotonic()
        threading.Thread(target=self._beat, args=(own, rank, size), daemon=True).start()
        threading.Thread(target=self._watch, daemon=True).start()

    def stop(self) -> None:
        """Nobody waits any more."""
        self._stopped.set()

    def is_first_to_say(self) -> bool:
        """Whether no rank has said yet why all end."""
        if self._store is None:
            return True
        try:
            return bool(self._store.add("curate/said", 1) == 1)
        except RuntimeError:
            return True

    def _beat(self, store: Any, rank: int, size: int) -> None:
        others = [other for other in range(size) if other != rank]
        heard = dict.fromkeys(others, (0, time.monotonic()))
        while not self._stopped.wait(_BEAT):
            try:
                store.add(f"curate/beat/{rank}", 1)
                for other in others:
                    beats = int(store.add(f"curate/beat/{other}", 0))
                    if beats != heard[other][0]:
                        heard[other] = beats, time.monotonic()
                self._asked = time.monotonic()
            except RuntimeError:
                continue  # asked again, as long as it may come back
            for other, (_, since) in heard.items():
                if time.monotonic() - since > _GONE and not self._stopped.is_set():
                    self._end(f"nothing was heard of rank {other} for {_GONE:.0f} s", self.is_first_to_say())

    def _watch(self) -> None:
        while not self._stopped.wait(_BEAT):
            if time.monotonic() - self._asked > _GONE + 2 * _BEAT:
                self._end(f"the first rank could not be reached for {_GONE:.0f} s", True)

    def _end(self, why: str, is_to_be_said: bool) -> NoReturn:
        if is_to_be_said:
            sys.stderr.write(f"error: {why}: {_AGAIN}\n")
            sys.stderr.flush()
        linger()
        os._exit(1)


_world: World = ALONE
_others_wait = False
_heart = _Heart()


def _cut(
    content: "npt.NDArray[Any]", lengths: Sequence[int], like: "Sequence[npt.NDArray[Any]]"
) -> "list[npt.NDArray[Any]]":
    """The arrays that were put one behind the other."""
    arrays, start = [], 0
    for length, one in zip(lengths, like, strict=True):
        end = start + length * one.itemsize
        arrays.append(content[start:end].copy().view(one.dtype))
        start = end
    return arrays


def _where_they_differ(here: str, there: str) -> tuple[str, str]:
    """Two texts, from a little before their first difference on."""
    first = next((n for n, (a, b) in enumerate(zip(here, there, strict=False)) if a != b), 0)
    start = max(0, first - 20)
    return tuple(f"{'...' if start else ''}{text[start : start + 60]}" for text in (here, there))  # type: ignore[return-value]
