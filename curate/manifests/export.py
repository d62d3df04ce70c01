"""What an export format is: the contract of the folder exports, and what a format is given to write."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal, Protocol

import numpy as np
import numpy.typing as npt

from curate.data.identity import Indices, Uids

Takes = Literal["", "keys", "data"]


@dataclass(frozen=True)
class Exportable:
    """What one epoch of a manifest selects: an entry per selected sample, in order of `rows`.

    `rows` are their places in the source, as other libraries count. `labels` are the names of classes, empty
    where there are none; `weights` multiply the loss. `keys()` gives the key of each in a WebDataset,
    `files()` its path in a folder of images; both may be an error.
    """

    rows: Indices
    uids: Uids
    labels: Sequence[str]
    weights: npt.NDArray[np.float32]
    keys: Callable[[], list[str]]
    files: Callable[[], list[str]]


class ExportFormat(Protocol):
    """An export plug-in: a frozen dataclass whose fields are its options.

    `ending` is that of the file it writes, `what` says what stands there; `takes` is the option of `export`
    that is for it alone, if any.
    """

    ending: ClassVar[str]
    what: ClassVar[str]
    takes: ClassVar[Takes]

    def write(self, path: Path, selected: Exportable) -> None:
        """Write the file."""


def write_lines(path: Path, lines: Sequence[object]) -> None:
    """One item per line."""
    text = "".join(f"{line}\n" for line in lines)
    path.write_bytes(text.encode("utf-8", "surrogateescape"))  # the bytes of a name that is no UTF-8


def write_array(path: Path, values: np.ndarray) -> None:
    """A `.npy` file, whatever the name of the path ends in."""
    with path.open("wb") as file:
        np.save(file, values, allow_pickle=False)
