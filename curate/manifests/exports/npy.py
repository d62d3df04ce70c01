"""npy: rows of the source, int64 `[k]`, sorted, for `numpy.load`."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from curate.manifests.export import Exportable, Takes, write_array


@dataclass(frozen=True)
class Npy:
    """It has no options."""

    ending: ClassVar[str] = "npy"
    what: ClassVar[str] = "row numbers of the source as other libraries count them, int64"
    takes: ClassVar[Takes] = ""

    def write(self, path: Path, selected: Exportable) -> None:
        write_array(path, selected.rows)
