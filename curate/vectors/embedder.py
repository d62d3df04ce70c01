"""What an embedding method is: the contract of the folder embedders, what it is given and what it gives."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from curate.data.dataset import Dataset
from curate.progress import LOGGED, Progress

Fitted = dict[str, npt.NDArray[Any]]


def _fit_anew(fit: Callable[[], Fitted]) -> Fitted:
    return fit()


@dataclass(frozen=True)
class Work:
    """Where and how an embedder computes: torch device name, seed, and whom to tell.

    What an embedder learns of all samples it gets from `fitted(fit)`, where `fit` learns it: arrays by name,
    which a run that was killed finds again.
    """

    device: str = "cpu"
    device_name: str = "cpu"
    seed: int = 0
    progress: Progress = LOGGED
    fitted: Callable[[Callable[[], Fitted]], Fitted] = _fit_anew


@dataclass(frozen=True)
class Vectorized:
    """How the vectors of samples are made, and facts for the header.

    `chunks(start, stop)` gives those of consecutive samples, float32 `[rows, dim]` a chunk, in their order.
    """

    chunks: Callable[[int, int], Iterator[npt.NDArray[np.float32]]]
    dim: int
    summary: dict[str, Any] = field(default_factory=dict)


class Embedder(Protocol):
    """An embedding plug-in: a frozen dataclass whose fields are its options."""

    def __call__(self, dataset: Dataset, dim: int | None, work: Work) -> Vectorized:
        """Vectors of `dim` numbers for all samples; None means the method's own choice."""
