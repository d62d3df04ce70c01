"""txt: a row of the source per line."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from curate.manifests.export import Exportable, Takes, write_lines


@dataclass(frozen=True)
class Txt:
    """It has no options."""

    ending: ClassVar[str] = "txt"
    what: ClassVar[str] = "row numbers of the source as other libraries count them, one per line"
    takes: ClassVar[Takes] = ""

    def write(self, path: Path, selected: Exportable) -> None:
        write_lines(path, selected.rows.tolist())
