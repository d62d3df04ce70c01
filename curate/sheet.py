"""A sheet of images: the closest samples of every cluster on the left, the furthest on the right."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from curate.artifact import atomic_file
from curate.dataset import Dataset
from curate.errors import CurateError
from curate.tables import Column

_CLUSTERS, _PER_SIDE, _GAP, _MARGIN, _MIN_SIDE, _TOP = 20, 8, 3, 56, 40, 34
_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")


def draw_sheet(path: Path, columns: Mapping[str, Column], dataset: Dataset, force: bool = False) -> None:
    """Draw up to 20 clusters, the largest first: 8 closest and 8 furthest images of each."""
    from PIL import Image, ImageDraw

    if "cluster" not in columns or "distance" not in columns:
        raise CurateError("there are no clusters to draw: give --sheet a table or manifest that has them")
    if path.suffix.lower() not in _SUFFIXES:
        raise CurateError(f"{path} is not a picture: name a file that ends in {', '.join(_SUFFIXES)}")
    sizes = np.bincount(columns["cluster"])
    clusters = np.argsort(-sizes, kind="stable")[:_CLUSTERS]
    height, width, _ = dataset.images.shape
    scale = max(1, -(-_MIN_SIDE // max(height, width)))
    cell_w, cell_h = width * scale + _GAP, height * scale + _GAP
    size = (_MARGIN + cell_w * (2 * _PER_SIDE) + 4 * _GAP, _TOP + cell_h * len(clusters))
    canvas = Image.new("RGB", size, "white")
    pen = ImageDraw.Draw(canvas)
    pen.text((4, 4), f"{len(clusters)} largest of {(sizes > 0).sum()} clusters: number, size", fill="black")
    pen.text((_MARGIN, _TOP - 14), "closest to the centroid", fill="black")
    pen.text((_MARGIN + cell_w * _PER_SIDE + 4 * _GAP, _TOP - 14), "furthest from it", fill="black")
    for row, cluster in enumerate(clusters):
        members = np.flatnonzero(columns["cluster"] == cluster)
        order = members[np.lexsort((columns["uid"][members], columns["distance"][members]))]
        top = _TOP + row * cell_h
        pen.text((4, top + cell_h // 2 - 6), f"{cluster}\n{len(members)}", fill="black")
        near, far = order[:_PER_SIDE], order[::-1][:_PER_SIDE]
        for left, chosen in ((0, near), (cell_w * _PER_SIDE + 4 * _GAP, far)):
            for place, pixels in enumerate(dataset.images.read(chosen)):
                image = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
                larger = image.resize((width * scale, height * scale), Image.Resampling.NEAREST)
                canvas.paste(larger, (_MARGIN + left + place * cell_w, top))
    with atomic_file(path, force) as temporary:
        canvas.save(temporary, format="JPEG" if path.suffix in (".jpg", ".jpeg") else path.suffix[1:].upper())
