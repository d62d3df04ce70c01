"""imagefolder_list: the path of an image per line, in the folder that is the dataset: `train/cat/1.jpg`."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from curate.manifests.export import Exportable, Takes, write_lines


@dataclass(frozen=True)
class ImagefolderList:
    """It has no options."""

    ending: ClassVar[str] = "files.txt"
    what: ClassVar[str] = "paths in the folder that is the dataset, one per line"
    takes: ClassVar[Takes] = "data"

    def write(self, path: Path, selected: Exportable) -> None:
        write_lines(path, selected.files())
