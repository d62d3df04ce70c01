"""datacomp: uids as sorted pairs of uint64 (0, uid), as DataComp's tools read subsets."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from curate.manifests.export import Exportable, Takes, write_array


@dataclass(frozen=True)
class Datacomp:
    """It has no options."""

    ending: ClassVar[str] = "npy"
    what: ClassVar[str] = "sorted pairs of uint64, (0, uid)"
    takes: ClassVar[Takes] = ""

    def write(self, path: Path, selected: Exportable) -> None:
        pairs = np.zeros(len(selected.uids), np.dtype("u8,u8"))
        pairs["f1"] = np.sort(selected.uids)
        write_array(path, pairs)
