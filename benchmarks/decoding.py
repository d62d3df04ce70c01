"""Images a second on their way into training: JPEGs by curate, packed by curate, and by torchvision.

    python benchmarks/decoding.py --photos PHOTOS [--files 3000] [-n 3]

Photographs are brought to 500 x 375 pixels first, as JPEGs of quality 90. Each way gives an epoch of batches
of 128, normalized, on the CPU, with RandomResizedCrop and flip: torchvision from ImageFolder by a DataLoader
with as many worker processes as there are cores, which live on from epoch to epoch; curate as `train` with
`--augment resized-crop` reads a folder, and a pack. The first epoch of each way is not counted; the others
take turns.
"""

import argparse
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from common import alternate, ratio, spread, write
from PIL import Image

import curate
from curate.data.dataset import Options
from curate.training.augmentation import augmentation_for
from curate.training.batches import Batches

BATCH = 128
PACKED_AT = {224: 256, 64: 96}


def main() -> None:
    """Measure both sizes, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--files", type=int, default=3000)
    parser.add_argument("-n", type=int, default=3)
    asked = parser.parse_args()
    lines = [
        f"    python benchmarks/decoding.py --photos PHOTOS --files {asked.files} -n {asked.n}",
        "",
        f"{asked.files:,} JPEGs of 500 x 375, {os.cpu_count()} cores.",
        "",
        "| pixels | images a second: torchvision | curate | packed | curate / torchvision | packed / it |",
        "|---|---|---|---|---|---|",
    ]
    raw = {}
    with tempfile.TemporaryDirectory() as work:
        folder = photographs(Path(work) / "photos", asked.photos, asked.files)
        os.environ["CURATE_CACHE"] = str(Path(work) / "cache")
        for size in (224, 64):
            own = {"torchvision": theirs(folder, size), "curate": ours(str(folder), size)}
            packed = Path(work) / f"{PACKED_AT[size]}.safetensors"
            curate.pack(str(folder), opening=Options("all", image_size=PACKED_AT[size]), output=packed)
            own["packed"] = ours(str(packed), size)
            for way in own.values():
                way()
            seconds, _ = alternate(own, asked.n)
            speed = {name: [asked.files / one for one in all_] for name, all_ in seconds.items()}
            raw[size] = speed
            cells = [spread(one, 0) for one in speed.values()]
            cells += [ratio(speed[name], speed["torchvision"]) for name in ("curate", "packed")]
            lines.append(f"| {size} | {' | '.join(cells)} |")
            print(lines[-1], flush=True)
    write("decoding", lines, raw)


def photographs(folder: Path, photos: Path, n: int) -> Path:
    """So many JPEGs of 500 x 375 in ten classes, made of the photographs, mirrored and in other parts."""
    files = [path for path in sorted(photos.rglob("*")) if path.suffix.lower() in (".jpg", ".jpeg", ".png")]
    chance = np.random.default_rng(0)
    shutil.rmtree(folder, ignore_errors=True)
    for number in range(n):
        with Image.open(files[number % len(files)]) as image:
            width, height = image.size
            side = chance.uniform(0.7, 1)
            left, top = chance.uniform(0, 1 - side, 2) * (width, height)
            box = (left, top, left + side * width, top + side * height)
            place = folder / f"class{number % 10}" / f"{number:05}.jpg"
            place.parent.mkdir(parents=True, exist_ok=True)
            own = image.convert("RGB").resize((500, 375), Image.Resampling.BICUBIC, box=box)
            own.save(place, quality=90)
    return folder


def theirs(folder: Path, size: int) -> Callable[[], None]:
    """An epoch of torchvision's."""
    from torchvision import transforms
    from torchvision.datasets import ImageFolder

    changes = [
        transforms.RandomResizedCrop(size),
        transforms.RandomHorizontalFlip(),
        transforms.ToTensor(),
        transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
    ]
    loader = torch.utils.data.DataLoader(
        ImageFolder(folder, transforms.Compose(changes)),
        batch_size=BATCH,
        shuffle=True,
        num_workers=os.cpu_count() or 1,
        persistent_workers=True,
    )

    def epoch() -> None:
        for images, _ in loader:
            assert images.shape[1:] == (3, size, size)

    return epoch


def ours(reference: str, size: int) -> Callable[[], None]:
    """An epoch of curate's, as `train` has it; of images that are not held in memory."""
    data = curate.open_dataset(reference, Options("all", image_size=size, stream=True))
    learner = curate.build("resnet18", data)
    batches, augmentation = Batches(data, learner, "resized-crop"), augmentation_for("resized-crop", 3)
    numbers = iter(range(1_000_000))

    def epoch() -> None:
        number = next(numbers)
        order = np.random.default_rng(number).permutation(len(data))
        for _, images, _ in batches.augmented(order, BATCH, augmentation, seed=0, epoch=number):
            assert images.shape[1:] == (3, size, size)

    return epoch


if __name__ == "__main__":
    main()
