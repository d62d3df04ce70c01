"""A sheet of images: a row per cluster or class, its easy samples on the left, its hard ones on the right."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from curate.artifacts.files import atomic_file
from curate.artifacts.tables import Column, Table
from curate.data.dataset import Dataset
from curate.data.identity import Indices
from curate.errors import CurateError
from curate.selection.strategy import by_value

_ROWS, _PER_CLUSTER, _PER_CLASS, _GAP, _MARGIN, _MIN_SIDE, _TOP = 20, 8, 10, 3, 72, 40, 34
_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")


@dataclass(frozen=True)
class Sheet:
    """What to draw: rows of (caption, samples on the left, samples on the right), and headings."""

    title: str
    left: str
    right: str
    rows: list[tuple[str, Indices, Indices]]


def of_clusters(columns: Mapping[str, Column]) -> Sheet:
    """Up to 20 clusters, the largest first: 8 closest and 8 furthest samples of each."""
    if "cluster" not in columns or "distance" not in columns:
        raise CurateError("there are no clusters to draw: give --sheet a table, or a manifest of clusters")
    sizes = np.bincount(columns["cluster"])
    rows = []
    for cluster in np.argsort(-sizes, kind="stable")[:_ROWS]:
        members = np.flatnonzero(columns["cluster"] == cluster)
        order = members[np.lexsort((columns["uid"][members], columns["distance"][members]))]
        rows.append((f"{cluster}\n{len(members)}", order[:_PER_CLUSTER], order[::-1][:_PER_CLUSTER]))
    title = f"{len(rows)} largest of {(sizes > 0).sum()} clusters: number, size"
    return Sheet(title, "closest to the centroid", "furthest from it", rows)


def of_scores(table: Table, column: str, classes: list[str]) -> Sheet:
    """Up to 20 classes: the 10 easiest and the 10 hardest samples of each by one score, the utmost first."""
    name, values = table.ranking(column)
    order = by_value(values, table)
    labels = np.zeros(len(table), np.int64) if table.labels is None else table.labels
    names = ["all"] if table.labels is None else classes
    rows = []
    for label in np.unique(labels)[:_ROWS]:
        own = order[labels[order] == label]
        rows.append((names[label][:10], own[:_PER_CLASS], own[::-1][:_PER_CLASS]))
    return Sheet(f"{name}, by class", "easiest", "hardest", rows)


def draw_sheet(path: Path, sheet: Sheet, dataset: Dataset, force: bool = False) -> None:
    """Draw a sheet as a picture of the kind that the file's name ends in."""
    from PIL import Image, ImageDraw

    if path.suffix.lower() not in _SUFFIXES:
        raise CurateError(f"{path} is not a picture: name a file that ends in {', '.join(_SUFFIXES)}")
    height, width, _ = dataset.images.shape
    scale = max(1, -(-_MIN_SIDE // max(height, width)))
    cell_w, cell_h = width * scale + _GAP, height * scale + _GAP
    n_left, n_right = (max(len(row[side]) for row in sheet.rows) for side in (1, 2))
    middle = _MARGIN + cell_w * n_left + 4 * _GAP
    canvas = Image.new("RGB", (middle + cell_w * n_right, _TOP + cell_h * len(sheet.rows)), "white")
    pen = ImageDraw.Draw(canvas)
    pen.text((4, 4), sheet.title, fill="black")
    pen.text((_MARGIN, _TOP - 14), sheet.left, fill="black")
    pen.text((middle, _TOP - 14), sheet.right, fill="black")
    for row, (caption, *sides) in enumerate(sheet.rows):
        top = _TOP + row * cell_h
        pen.text((4, top + cell_h // 2 - 6), caption, fill="black")
        for left, chosen in zip((_MARGIN, middle), sides, strict=True):
            for place, pixels in enumerate(dataset.images.read(chosen)):
                image = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
                larger = image.resize((width * scale, height * scale), Image.Resampling.NEAREST)
                canvas.paste(larger, (left + place * cell_w, top))
    kind = "JPEG" if path.suffix in (".jpg", ".jpeg") else path.suffix[1:].upper()
    with atomic_file(path, force) as temporary:
        canvas.save(temporary, format=kind, lossless=True)  # read by WebP alone: it keeps every pixel
