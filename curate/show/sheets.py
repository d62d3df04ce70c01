"""Sheets of a report: the images that the sessions of a method select most and least often."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from curate.artifacts.kinds import MANIFEST, header_at
from curate.data.dataset import open_recorded
from curate.errors import CurateError
from curate.manifests.manifest import Manifest, open_manifest
from curate.recipes.comparison import Comparison, control_of
from curate.verbs.sheet import of_counts
from curate.verbs.sheet_drawn import draw_sheet


@dataclass(frozen=True)
class Pictures:
    """A sheet as a picture (WebP), its file, its title, and what it shows in words."""

    file: str
    title: str
    text: str
    webp: bytes


def sheets_of(comparison: Comparison, store: Path) -> list[Pictures]:
    """A sheet for each method that selects again and again, at its smallest budget, where all is at hand."""
    if not store.is_dir():
        return []
    by_seal = {}
    for path in store.glob("train/*/manifest"):
        header = header_at(path) if (path / MANIFEST).is_file() else None
        by_seal[(header or {}).get("sha256")] = path
    sheets = []
    for name in comparison.methods:
        budgets = [budget for budget in comparison.budgets if (name, budget) in comparison.cells]
        cell = comparison.cells[name, budgets[0]]
        paths = [by_seal[row.manifest_sha256] for row in cell.rows if row.manifest_sha256 in by_seal]
        if control_of(cell.rows[0]) is None and paths and all(row.times_selected for row in cell.rows):
            sheet = _sheet(name, str(budgets[0]), [open_manifest(path) for path in paths])
            sheets += [sheet] if sheet else []
    return sheets


def _sheet(name: str, budget: str, manifests: list[Manifest]) -> Pictures | None:
    """The most and the least selected images of each class, over all sessions of a cell."""
    first = manifests[0]
    try:
        dataset = open_recorded(first.header.dataset, first.path)
    except (CurateError, OSError):
        return None
    if dataset.fingerprint != first.header.dataset.fingerprint or dataset.labels is None:
        return None
    counts = np.sum([manifest.samples["n_checkpoints_selected"] for manifest in manifests], axis=0)
    title = f"{name}, keep {budget}: selected least often and most often, {len(manifests)} sessions"
    sheet = of_counts(counts, dataset.uids, dataset.labels, dataset.classes, title)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "sheet.webp")
        draw_sheet(path, sheet, dataset)
        webp = path.read_bytes()
    text = (
        f"Images of every class that {name} at keep {budget} selects least often, on the left, and most often"
    )
    safe = "".join(one if one.isalnum() else "-" for one in name)
    return Pictures(f"sheet-{safe}.webp", title, text, webp)
