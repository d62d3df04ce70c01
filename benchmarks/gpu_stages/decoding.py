"""(g) Decoding JPEGs of 500 x 375: curate, torchvision on a processor, and torchvision on the device."""

import io
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
from common import alternate, spread

from gpu_stages.day import Day, Result, Size, Stage, each

WIDTH, HEIGHT, TARGET = 500, 375, 224
WAYS = ("curate, all processors", "torchvision, one thread", "torchvision, the device")


def cells(size: Size) -> list[str]:
    return list(WAYS)


def measure(cell: str, day: Day) -> Result:
    if cell.endswith("the device") and day.device == "cpu":
        return {"n": 0, "images_a_second": []}
    files = _files(day.size.n_photographs)
    way = _ways(day, files)[cell]
    way()
    seconds, _ = alternate({cell: way}, 3)
    return {"n": len(files), "images_a_second": [round(len(files) / one, 1) for one in seconds[cell]]}


def _ways(day: Day, files: list[bytes]) -> dict[str, Callable[[], object]]:
    import torch
    from torchvision.io import ImageReadMode, decode_jpeg

    raw = [torch.from_numpy(np.frombuffer(file, np.uint8).copy()) for file in files]

    def curates() -> object:
        import curate

        folder = day.work / "photographs"
        _written(files, folder)
        data = curate.open_dataset(str(folder), curate.Options(split="", image_size=TARGET))
        return data.images.read(np.arange(len(data)))

    def on_device() -> object:
        decoded = [
            decode_jpeg(raw[n : n + 128], ImageReadMode.RGB, device=day.device)
            for n in range(0, len(raw), 128)
        ]
        torch.cuda.synchronize()
        return decoded

    one_thread = [lambda: [decode_jpeg(one, ImageReadMode.RGB) for one in raw]]
    return dict(zip(WAYS, [curates, *one_thread, on_device], strict=True))


@cache
def _files(n: int) -> list[bytes]:
    """JPEGs of smooth colours with some grain, about as large as those of photographs."""
    from PIL import Image

    chance, files = np.random.default_rng(0), []
    for _ in range(n):
        coarse = Image.fromarray(chance.integers(0, 256, (12, 16, 3), dtype=np.uint8))
        smooth = np.asarray(coarse.resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC), np.int16)
        grain = chance.integers(-8, 9, (HEIGHT, WIDTH, 1), dtype=np.int16)
        buffer = io.BytesIO()
        Image.fromarray(np.clip(smooth + grain, 0, 255).astype(np.uint8)).save(buffer, "JPEG", quality=90)
        files.append(buffer.getvalue())
    return files


def _written(files: list[bytes], folder: Path) -> None:
    for number, file in enumerate(files):
        path = folder / str(number % 2) / f"{number}.jpg"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(file)


def page(results: list[Result]) -> list[str]:
    lines = ["| | card | images a second, mean ± std (n) |", "|---|---|---|"]
    lines += [
        f"| {result['cell']} | {result['card']} | {spread(result['images_a_second'], 0)} |"
        for result in results
        if result["images_a_second"]
    ]
    about = f"JPEGs of {WIDTH} x {HEIGHT}; curate also hashes each, and brings it to {TARGET} x {TARGET}."
    return [*lines, "", about, ""]


STAGE = Stage("decoding", "Decoding", 1, True, cells, each(measure, 40), page)
