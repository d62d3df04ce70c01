"""The histogram of a manifest as a picture: how often samples are selected, or what is kept of each class."""

import io

import numpy as np

from curate.manifests.manifest import Manifest

_WIDTH, _HEIGHT, _LEFT, _BOTTOM, _TOP = 720, 320, 60, 40, 34
_KEPT, _ALL, _INK = "#1f77b4", "#d0d7de", "#24292f"
_MOST, _LARGEST = 40, 1e300


def histogram_png(manifest: Manifest) -> bytes:
    """A PNG: selection counts of a dynamic manifest; of a static one what is kept, by score or class."""
    title, labels, all_bars, kept = _bars(manifest)
    return _drawn(title, labels, all_bars, kept)


def _bars(manifest: Manifest) -> tuple[str, list[str], np.ndarray, np.ndarray]:
    """Title, label under each bar, its whole height, and the part of it that is kept."""
    samples = manifest.samples
    n_selected = samples["n_selected"]
    if not manifest.is_static:
        edges = np.linspace(0, manifest.n_epochs, min(manifest.n_epochs, _MOST) + 1)
        counts = np.histogram(n_selected, edges)[0]
        labels = [f"{edge:g}" for edge in edges[:-1]]
        return "samples by the number of epochs in which they are selected", labels, counts, counts
    scores = [
        name
        for name, column in samples.items()
        if column.dtype.kind == "f" and (np.abs(column.astype(np.float64)) < _LARGEST).all()  # NaN is not
    ]
    if scores:
        values = samples[scores[0]].astype(np.float64)
        edges = np.histogram_bin_edges(values, 30)
        whole, kept = (np.histogram(values[chosen], edges)[0] for chosen in (slice(None), n_selected > 0))
        return f"samples by {scores[0]}, kept in blue", [f"{edge:.3g}" for edge in edges[:-1]], whole, kept
    groups = samples.get("label", np.zeros(len(n_selected), np.int64))
    names = manifest.header.dataset.classes or ["all"]
    total = np.bincount(groups, minlength=len(names))[:_MOST]
    chosen = np.bincount(groups[n_selected > 0], minlength=len(names))[:_MOST]
    return "samples by class, kept in blue", [name[:8] for name in names[:_MOST]], total, chosen


def _drawn(title: str, labels: list[str], whole: np.ndarray, kept: np.ndarray) -> bytes:
    from PIL import Image, ImageDraw

    image = Image.new("RGB", (_WIDTH, _HEIGHT), "white")
    pen = ImageDraw.Draw(image)
    pen.text((_LEFT, 10), title, fill=_INK)
    base, room = _HEIGHT - _BOTTOM, _HEIGHT - _BOTTOM - _TOP
    highest = max(1, int(whole.max()))
    for value in (highest, highest // 2):
        y = base - room * value // highest
        pen.line((_LEFT - 4, y, _WIDTH - 10, y), fill=_ALL)
        pen.text((4, y - 6), f"{value:,}", fill=_INK)
    step = (_WIDTH - _LEFT - 10) / len(whole)
    every = -(-len(whole) // 12)
    for number, (all_of, of) in enumerate(zip(whole.tolist(), kept.tolist(), strict=True)):
        left, right = _LEFT + step * number, _LEFT + step * (number + 1) - 1
        for value, colour in ((all_of, _ALL), (of, _KEPT)):
            if value:
                pen.rectangle((left, base - room * value / highest, right, base), fill=colour)
        if number % every == 0:
            pen.text((left, base + 6), labels[number], fill=_INK)
    pen.line((_LEFT, base, _WIDTH - 10, base), fill=_INK)
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()
