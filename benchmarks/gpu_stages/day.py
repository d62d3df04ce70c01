"""What a stage is, and what it works with on the day."""

import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Result = dict[str, Any]  # "cell": what was measured; and what came of it, or an "error"


@dataclass(frozen=True)
class Size:
    """How much is measured: on a GPU, or by the stand-ins that show on a CPU that all of it works."""

    model: str
    n_epochs: int  # of a run of the paper's setting
    period: int
    n_seeds: int
    n_models: int  # that score
    early: int  # epochs before EL2N
    batches: tuple[int, ...]  # batch sizes
    compiled: tuple[int, ...]  # those for which compiling is tried: it takes a minute each
    at_once: tuple[int, ...]  # runs at once on the device
    timed_epochs: int
    cost: tuple[int, int]  # epochs and period of what a run costs beside full
    matrix: int  # rows and columns of the products that give the rate of the device
    small_models: tuple[str, ...]
    share: float  # of the data, for models side by side
    vectors: tuple[int, int, int]  # n, dim and k of k-means
    n_photographs: int


ON_A_GPU = Size(
    model="resnet18",
    n_epochs=200,
    period=10,
    n_seeds=3,
    n_models=10,
    early=20,
    batches=(128, 256, 512, 1024),
    compiled=(128,),
    at_once=(1, 2, 3, 4),
    timed_epochs=3,
    cost=(10, 10),
    matrix=8192,
    small_models=("lenet5", "resnet8"),
    share=1.0,
    vectors=(10_000_000, 128, 1024),
    n_photographs=2048,
)
STAND_IN = Size(
    model="basic-cnn",
    n_epochs=10,
    period=1,
    n_seeds=1,
    n_models=2,
    early=1,
    batches=(32, 64),
    compiled=(),
    at_once=(1, 2),
    timed_epochs=2,
    cost=(2, 1),
    matrix=256,
    small_models=("basic-cnn",),
    share=0.2,
    vectors=(20_000, 16, 32),
    n_photographs=16,
)


@dataclass(frozen=True)
class Day:
    """A device and some time. `out` holds what comes back, `work` what lasts as long as the machine."""

    device: str
    card: str
    size: Size
    train: str
    test: str
    work: Path
    out: Path
    ends: float = field(default_factory=lambda: time.monotonic() + 480)
    known: tuple[Result, ...] = ()

    def left(self) -> float:
        """Seconds."""
        return self.ends - time.monotonic()


@dataclass(frozen=True)
class Stage:
    """One stage. `run` is given the cells that are wanted, and stops by itself when time runs out.

    `minutes` is what it is thought to take on one H100. Results `of_card` are measured anew on another card;
    accuracies are not.
    """

    name: str
    title: str
    minutes: float
    of_card: bool
    cells: Callable[[Size], list[str]]
    run: Callable[[list[str], Day], Iterator[Result]]
    page: Callable[[list[Result]], list[str]]


def each(
    measure: Callable[[str, Day], Result], seconds: float
) -> Callable[[list[str], Day], Iterator[Result]]:
    """A stage that measures its cells one by one, each begun only where `seconds` are left."""

    def run(cells: list[str], day: Day) -> Iterator[Result]:
        for cell in cells:
            if day.left() < seconds:
                return
            started = time.perf_counter()
            try:
                result = measure(cell, day)
            except Exception as problem:  # noqa: BLE001  the day goes on without this cell
                traceback.print_exc()
                result = {"error": f"{type(problem).__name__}: {problem}"[:500]}
            yield {"cell": cell, **result, "took": round(time.perf_counter() - started, 2)}

    return run
