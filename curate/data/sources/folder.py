"""folder: a folder of class folders, with or without train, val and test above them.

    photos/cat/1.jpg                    no splits
    photos/train/cat/1.jpg              splits by folder name

Classes are the sorted folder names, over all splits together; files are read in sorted order. A row is the
place of a file in torchvision's ImageFolder of the folder, or of that of a split, one behind another.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from curate.data.decoding import read_image
from curate.data.listing import SUFFIXES, Listing
from curate.data.shards import kind_of_folder
from curate.data.source import Request, Samples, choose_splits, split_of_name
from curate.errors import CurateError


@dataclass(frozen=True)
class Folder:
    """A folder of images, by its path."""

    def accepts(self, reference: str) -> bool:
        return os.path.isdir(reference) and kind_of_folder(reference) not in ("parquet", "tar")

    def samples(self, request: Request) -> Samples:
        top = str(Path(request.reference))
        names = _folders(top)
        splits = {split: os.path.join(top, name) for name in names if (split := split_of_name(name))}
        if not splits or len(splits) < len(names):
            splits = {"all": top}
        chosen = choose_splits(splits, request)
        classes = sorted({name for folder in splits.values() for name in _folders(folder)})
        listing, numbers, counts = Listing(top), list[int](), list[int]()
        for split in chosen:
            if classes:
                for of, n_images in _add_classes(listing, splits[split]):
                    numbers.append(classes.index(of))
                    counts.append(n_images)
            else:
                list(listing.add([splits[split]]))
        if not len(listing):
            raise CurateError(f"{top} has no images ({', '.join(sorted(SUFFIXES))})")
        stamps = listing.stamps()

        def name(row: int) -> str:
            return os.path.join(top, os.fsdecode(stamps.keys[row].as_py()))

        def read(row: int) -> bytes:
            path = name(row)
            content = read_image(path)
            about = os.stat(path)
            if (about.st_size, about.st_mtime_ns) != (stamps.sizes[row], stamps.modified[row]):
                raise CurateError(f"{path} has changed since the dataset was opened: open it anew")
            return content

        return Samples(
            n=len(listing),
            read=read,
            name=name,
            labels=np.repeat(np.array(numbers, np.int64), counts) if classes else None,
            classes=classes,
            split=chosen[0] if len(chosen) == 1 else request.split,
            why_no_labels="" if classes else f"Put the images of {top} into one folder per class.",
            folder=top,
            rows=listing.rows() if classes else None,
            n_rows=listing.n_elsewhere if classes else len(listing),
            stamps=stamps,
        )


def _add_classes(listing: Listing, folder: str) -> Iterator[tuple[str, int]]:
    """List the class folders of a split: the name of each, and how many images it has."""
    paths = {entry.name: entry.path for entry in os.scandir(folder) if entry.is_dir()}
    names = sorted(paths)
    hidden = {paths[name] for name in names if name[0] == "."}  # torchvision takes them for classes
    for name, n_images in zip(names, listing.add([paths[name] for name in names], hidden), strict=True):
        if paths[name] in hidden:
            continue
        if not n_images:
            raise CurateError(f"{paths[name]} has no images: add some, or remove the class folder")
        yield name, n_images


def _folders(folder: str) -> list[str]:
    """The names of the folders in a folder, sorted, without hidden ones."""
    return sorted(entry.name for entry in os.scandir(folder) if entry.is_dir() and entry.name[0] != ".")
