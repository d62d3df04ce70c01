"""folder: a folder of class folders, with or without train, val and test above them.

    photos/cat/1.jpg                    no splits
    photos/train/cat/1.jpg              splits by folder name

Classes are the sorted folder names, over all splits together; files are read in sorted order. A row is the
place of a file in torchvision's ImageFolder of the folder, or of that of a split, one behind another.
"""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from curate.data.images import read_image
from curate.data.source import Request, Samples, choose_splits, split_of_name
from curate.errors import CurateError

_SUFFIXES = frozenset(
    (".png", ".jpg", ".jpeg", ".jfif", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".avif", ".ppm", ".pgm")
)
_SUFFIXES_ELSEWHERE = (".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp")


@dataclass(frozen=True)
class Folder:
    """A folder of images, by its path."""

    def accepts(self, reference: str) -> bool:
        folder = Path(reference)
        return folder.is_dir() and not any(folder.rglob("*.parquet"))

    def samples(self, request: Request) -> Samples:
        top = Path(request.reference)
        splits = {
            split: folder for folder in _folders(top) if (split := split_of_name(folder.name)) is not None
        }
        if not splits or len(splits) < len(_folders(top)):
            splits = {"all": top}
        chosen = choose_splits(splits, request)
        classes = sorted({folder.name for split in splits.values() for folder in _folders(split)})
        files, labels = [], []
        for split in chosen:
            for folder in _folders(splits[split]):
                own = _images(folder)
                if not own:
                    raise CurateError(f"{folder} has no images: add some, or remove the class folder")
                files += own
                labels += [classes.index(folder.name)] * len(own)
        if classes:
            numbers = np.array(labels, np.int64)
            why = ""
        else:
            files = [file for split in chosen for file in _images(splits[split])]
            numbers = None
            why = f"Put the images of {top} into one folder per class."
        if not files:
            raise CurateError(f"{top} has no images ({', '.join(sorted(_SUFFIXES))})")
        counted = (
            [file for split in chosen for file in _counted_elsewhere(splits[split])] if classes else files
        )
        rows = {file: row for row, file in enumerate(counted)}
        return Samples(
            n=len(files),
            read=lambda row: read_image(files[row]),
            name=lambda row: files[row],
            labels=numbers,
            classes=classes,
            split=chosen[0] if len(chosen) == 1 else request.split,
            why_no_labels=why,
            folder=str(top),
            rows=np.array([rows.get(file, -1) for file in files], np.int64),
            n_rows=len(counted),
        )


def _counted_elsewhere(folder: Path) -> list[str]:
    """The files of torchvision's `ImageFolder(folder)`, in its order."""
    return [
        os.path.join(parent, name)
        for of_class in sorted(entry.name for entry in os.scandir(folder) if entry.is_dir())
        for parent, _, names in sorted(os.walk(os.path.join(folder, of_class), followlinks=True))
        for name in sorted(names)
        if name.lower().endswith(_SUFFIXES_ELSEWHERE)
    ]


def _folders(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_dir() and path.name[0] != ".")


def _images(folder: Path) -> list[str]:
    return sorted(
        os.path.join(parent, name)
        for parent, _, names in os.walk(folder)
        for name in names
        if os.path.splitext(name)[1].lower() in _SUFFIXES and name[0] != "."
    )
