"""What a policy is, what it sees and what it answers. Everything that trains is a policy."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from curate.manifest import Selected


@dataclass(frozen=True)
class View:
    """What a policy sees at a checkpoint.

    `available` are the indices of the samples that exist, sorted; `rng` is the policy's own stream for
    this checkpoint.
    """

    epoch: int
    n_epochs: int
    available: npt.NDArray[np.int64]
    rng: np.random.Generator


@dataclass(frozen=True)
class Plan:
    """What to train on from now until the next checkpoint, `n_epochs` epochs away."""

    selected: Selected
    n_epochs: int


class Policy(Protocol):
    """A policy plug-in: a frozen dataclass whose fields are its options."""

    def plan(self, view: View) -> Plan:
        """Which samples until the next checkpoint; asked at epoch 0 and whenever a plan has run out."""
