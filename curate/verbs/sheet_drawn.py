"""A sheet as a picture, or as a page on which an image opens larger."""

import base64
import html
import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from curate.artifacts.files import atomic_file, is_there
from curate.data.dataset import Dataset, open_dataset
from curate.data.decoding import Pixels
from curate.data.identity import Indices
from curate.errors import CurateError
from curate.verbs.sheet import Sheet

_GAP, _MARGIN, _MIN_SIDE, _TOP, _LINE = 3, 80, 48, 34, 11
_PICTURES, _PAGES = (".png", ".jpg", ".jpeg", ".webp"), (".html",)
_LARGE = 320  # pixels of an image that was opened, where the source has as many


def check_name(path: Path) -> None:
    """Refuse a file that is neither a picture nor a page."""
    endings = (*_PICTURES, *_PAGES)
    if path.suffix.lower() not in endings:
        raise CurateError(
            f"{path} is neither a picture nor a page: name a file that ends in {', '.join(endings)}"
        )


def draw_sheet(path: Path, sheet: Sheet, dataset: Dataset, force: bool = False) -> None:
    """Draw a sheet as what the file's name ends in; under every image stand its number and its class."""
    check_name(path)
    content = _encoded(path.suffix.lower(), sheet, dataset)
    if not is_there(path, content, force):
        with atomic_file(path, force) as temporary:
            temporary.write_bytes(content)


def _encoded(ending: str, sheet: Sheet, dataset: Dataset) -> bytes:
    if ending in _PAGES:
        return _page(sheet, dataset).encode()
    kind = "JPEG" if ending in (".jpg", ".jpeg") else ending[1:].upper()
    out = io.BytesIO()
    _picture(sheet, dataset).save(out, format=kind, lossless=True)  # WebP alone reads that
    return out.getvalue()


def _picture(sheet: Sheet, dataset: Dataset) -> Any:
    """A sheet as a PIL image."""
    from PIL import Image, ImageDraw

    height, width, _ = dataset.images.shape
    scale = max(1, -(-_MIN_SIDE // max(height, width)))
    n_lines = 1 if dataset.labels is None else 2
    cell_w, cell_h = width * scale + _GAP, height * scale + n_lines * _LINE + 2 * _GAP
    n_left, n_right = (max((len(row[side]) for row in sheet.rows), default=0) for side in (1, 2))
    middle = _MARGIN + cell_w * n_left + 4 * _GAP
    canvas = Image.new("RGB", (middle + cell_w * n_right, _TOP + cell_h * len(sheet.rows)), "white")
    pen = ImageDraw.Draw(canvas)
    pen.text((4, 4), sheet.title, fill="black")
    pen.text((_MARGIN, _TOP - 14), sheet.left, fill="black")
    pen.text((middle, _TOP - 14), sheet.right, fill="black")
    for row, (caption, *sides) in enumerate(sheet.rows):
        top = _TOP + row * cell_h
        pen.text((4, top + height * scale // 2 - 6), _cut(pen, caption, _MARGIN - 8), fill="black")
        for left, chosen in zip((_MARGIN, middle), sides, strict=True):
            for place, (index, pixels) in enumerate(zip(chosen, dataset.images.read(chosen), strict=True)):
                larger = _image(pixels).resize((width * scale, height * scale), Image.Resampling.NEAREST)
                at = left + place * cell_w
                canvas.paste(larger, (at, top))
                for line, text in enumerate(_under(index, dataset)):
                    below = top + height * scale + line * _LINE
                    pen.text((at, below), _cut(pen, text, cell_w), fill="black", font_size=9)
    return canvas


def _image(pixels: Pixels) -> Any:
    from PIL import Image

    return Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)


def _under(index: int, dataset: Dataset) -> list[str]:
    """What stands under an image: its number, and its class where that is known."""
    own = [] if dataset.labels is None else [dataset.classes[dataset.labels[index]]]
    return [str(index), *own]


def _cut(pen: Any, text: str, width: int) -> str:
    """Text, line by line, as much of it as there is room for."""
    return "\n".join(_cut_line(pen, line, width) for line in text.split("\n"))


def _cut_line(pen: Any, line: str, width: int) -> str:
    while len(line) > 1 and pen.textlength(line, font_size=9) > width:
        line = line[:-1]
    return line


_STYLE = """
:root { color-scheme: light dark; }
body { margin: 1rem; font: 0.9rem/1.4 system-ui, sans-serif; background: Canvas; color: CanvasText; }
section { display: flex; flex-wrap: wrap; gap: 0.5rem 2rem; align-items: start; }
section > div > div { display: flex; flex-wrap: wrap; gap: 0.4rem; } h3 { margin: 0; font-size: 0.9rem; }
figure { margin: 0; } figcaption { font-size: 0.75rem; overflow-wrap: anywhere; max-width: 6rem; }
img { height: 6rem; width: auto; display: block; } .small img { image-rendering: pixelated; }
.close { display: none; }
figure:target { position: fixed; inset: 0; z-index: 1; background: Canvas; padding: 1rem; }
figure:target * { text-align: center; }
figure:target img { height: min(80vh, 90vw); margin: auto; }
figure:target figcaption { font-size: 1.1rem; max-width: none; } figure:target .close { display: inline; }
"""


def _page(sheet: Sheet, dataset: Dataset) -> str:
    """A sheet as one HTML page without scripts; to click an image is to see it larger."""
    larger = _larger(dataset)
    numbers = iter(range(1_000_000))
    rows = []
    for caption, *sides in sheet.rows:
        parts = []
        for heading, chosen in zip((sheet.left, sheet.right), sides, strict=True):
            if len(chosen):
                figures = "".join(_figures(chosen, larger, dataset, numbers))
                parts.append(f"<div><h3>{html.escape(heading)}</h3><div>{figures}</div></div>")
        rows.append(f"<h2>{html.escape(caption)}</h2><section>{''.join(parts)}</section>")
    title = html.escape(sheet.title)
    small = "small" if max(larger.images.shape[:2]) < 96 else ""
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title><meta name="viewport" '
        f'content="width=device-width"><style>{_STYLE}</style><body class="{small}"><h1>{title}</h1>'
        f"{''.join(rows)}</body></html>\n"
    )


def _figures(chosen: Indices, larger: Dataset, dataset: Dataset, numbers: Iterator[int]) -> Iterator[str]:
    for index, pixels in zip(chosen, larger.images.read(chosen), strict=True):
        buffer = io.BytesIO()
        _image(pixels).save(buffer, "WEBP", quality=85, lossless=max(pixels.shape) < 96)
        data = base64.b64encode(buffer.getvalue()).decode()
        said = "<br>".join(map(html.escape, _under(index, dataset)))
        name = f"image-{next(numbers)}"
        yield (
            f'<figure id="{name}"><a href="#{name}"><img alt="sample {index}" '
            f'src="data:image/webp;base64,{data}"></a><figcaption>{said} <a class="close" href="#">close</a>'
            "</figcaption></figure>"
        )


def _larger(dataset: Dataset) -> Dataset:
    """The same dataset with images of a size to look at, where the source has such; else as it is."""
    if not dataset.options.image_size or dataset.options.image_size >= _LARGE or dataset.in_memory:
        return dataset
    try:
        opened = open_dataset(dataset.reference, replace(dataset.options, image_size=_LARGE, stream=True))
    except CurateError:
        return dataset
    return opened if np.array_equal(opened.uids, dataset.uids) else dataset
