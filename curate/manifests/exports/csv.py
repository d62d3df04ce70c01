"""csv: row, uid, label and weight of each sample, with a heading."""

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from curate.manifests.export import Exportable, Takes


@dataclass(frozen=True)
class Csv:
    """It has no options."""

    ending: ClassVar[str] = "csv"
    what: ClassVar[str] = "row, uid, label and weight of each, under a heading"
    takes: ClassVar[Takes] = ""

    def write(self, path: Path, selected: Exportable) -> None:
        labels = selected.labels or [""] * len(selected.rows)
        rows = zip(selected.rows, selected.uids, labels, selected.weights, strict=True)
        with path.open("w", newline="", encoding="utf-8", errors="surrogateescape") as file:
            writer = csv.writer(file)
            writer.writerow(["row", "uid", "label", "weight"])
            for row, uid, label, weight in rows:
                writer.writerow([row, f"{uid:016x}", label, f"{weight:g}"])
