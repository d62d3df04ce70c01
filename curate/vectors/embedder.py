"""What an embedding method is: the contract of the folder embedders, what it is given and what it gives."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from curate.data.dataset import Dataset
from curate.progress import LOGGED, Progress


@dataclass(frozen=True)
class Work:
    """Where and how an embedder computes: torch device name, seed, and whom to tell."""

    device: str = "cpu"
    device_name: str = "cpu"
    seed: int = 0
    progress: Progress = LOGGED


@dataclass(frozen=True)
class Vectorized:
    """Vectors in sample order, float32 `[rows, dim]` per chunk, and facts for the header."""

    chunks: Iterator[npt.NDArray[np.float32]]
    dim: int
    summary: dict[str, Any] = field(default_factory=dict)


class Embedder(Protocol):
    """An embedding plug-in: a frozen dataclass whose fields are its options."""

    def __call__(self, dataset: Dataset, dim: int | None, work: Work) -> Vectorized:
        """Vectors of `dim` numbers for all samples; None means the method's own choice."""
