"""webdataset: the key of a sample per line, for `WebDataset.select`; rows of nine digits by default."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from curate.manifests.export import Exportable, Takes, write_lines


@dataclass(frozen=True)
class Webdataset:
    """It has no options."""

    ending: ClassVar[str] = "keys.txt"
    what: ClassVar[str] = "keys, one per line"
    takes: ClassVar[Takes] = "keys"

    def write(self, path: Path, selected: Exportable) -> None:
        write_lines(path, selected.keys())
