"""The processes that train together, as a Pruner sees them: numpy arrays go from each to all."""

import os
from collections.abc import Sequence
from typing import Any, Protocol

import numpy.typing as npt

from curate.errors import CurateError
from curate.world import ALONE, World

Arrays = Sequence[npt.NDArray[Any]]


class Ranks(Protocol):
    """Which process this one is, of how many, and how they tell each other."""

    @property
    def rank(self) -> int:
        """Its number, from 0."""

    @property
    def size(self) -> int:
        """How many there are."""

    def gather(self, arrays: Arrays) -> list[list[npt.NDArray[Any]]]:
        """The arrays of every rank, by rank. All call it together, with as many arrays of the same types."""


def alone() -> World:
    """The only process, where no others are known of."""
    size = os.environ.get("WORLD_SIZE", "1")
    if size.isdigit() and int(size) > 1:
        raise CurateError(
            f"WORLD_SIZE is {size}, and each of these processes would select by its own losses: "
            "use ranks=curate.ranks()"
        )
    return ALONE
