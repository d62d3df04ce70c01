"""What a dataset source is: the contract of the folder sources, and what a source gives.

A source only finds samples. Reading, decoding, resizing and uids are the same for all (scan.py and images.py
in curate/data).
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from curate.data.identity import Uids
from curate.data.images import Locality
from curate.errors import CurateError
from curate.progress import LOGGED, Progress

_MOST_CLASSES = 100_000  # that numbers alone may tell of, unless there are as many samples
SPLITS = ("train", "val", "test")
_SPLIT_WORDS = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "dev": "val",
    "test": "test",
    "testing": "test",
}


class NoSplitError(CurateError):
    """A dataset has splits, but not the one asked for."""


@dataclass(frozen=True)
class Request:
    """What the user asks of a source: a reference such as `mnist` or a path, and a split."""

    reference: str
    split: str = "train"
    root: Path = Path("data")
    download: bool = False
    image_column: str | None = None
    label_column: str | None = None
    progress: Progress = LOGGED


@dataclass(frozen=True)
class Stamps:
    """What tells that the content of samples is what it was, without reading it; entry i is sample i.

    `keys` is an Arrow array of large_binary that tells apart all samples of the source at `place`, whatever
    their split. `sizes`, `modified` and `changed`, int64 `[n]`, are of the file that a sample lies in: its
    bytes, and when it was written and replaced in ns; the size is −1 where there is none. Where several
    samples lie in one file, `each` has the bytes of each sample, or about so many.
    """

    place: str
    keys: Any
    sizes: npt.NDArray[np.int64]
    modified: npt.NDArray[np.int64]
    changed: npt.NDArray[np.int64]
    each: npt.NDArray[np.int64] | None = None

    @property
    def n_bytes(self) -> npt.NDArray[np.int64]:
        """The bytes of each sample."""
        return self.sizes if self.each is None else self.each


@dataclass(frozen=True)
class Samples:
    """Samples in source order. `read(i)` gives encoded bytes, or uint8/uint16 pixels `[h, w, c]`.

    `labels` is int64 `[n]`, or None with `why_no_labels` saying what to do about it. `split` is `all`
    where the source knows no splits. `array` holds all pixels, uint8 `[n, h, w, c]`, where the source
    has them at hand. `has_columns` is whether the user can name columns. In `folder`, where there is one,
    each sample is a file, by its `name`. `rows` int64 `[n]` are the places that other libraries give the
    samples of the split, out of `n_rows`, and −1 where they leave one out; None where they count as the
    source does. `stamps`, where the source can tell, say whether content is what it was; `locality` says what
    is read together, where single samples are not. `uids` are given where the pixels are not those that the
    samples are known by.
    """

    n: int
    read: Callable[[int], bytes | npt.NDArray[np.generic]]
    name: Callable[[int], str]
    labels: npt.NDArray[np.int64] | None
    classes: list[str]
    split: str
    array: npt.NDArray[np.uint8] | None = None
    why_no_labels: str = ""
    has_columns: bool = False
    folder: str = ""
    rows: npt.NDArray[np.int64] | None = None
    n_rows: int | None = None
    stamps: Stamps | None = None
    uids: Uids | None = None
    locality: Locality | None = None


class Source(Protocol):
    """A dataset source plug-in: a frozen dataclass without options, one file in curate/data/sources."""

    def accepts(self, reference: str) -> bool:
        """Whether this source reads such a reference."""

    def samples(self, request: Request) -> Samples:
        """The samples of the split asked for, or of all of them where no splits are known."""


def from_array(
    images: npt.NDArray[np.uint8],
    labels: npt.NDArray[np.int64] | None,
    classes: Sequence[str],
    split: str,
    called: str,
) -> Samples:
    """Samples over pixels in memory, uint8 `[n, h, w]` or `[n, h, w, c]`, of the dataset `called` so."""
    if images.ndim == 3:
        images = images[..., None]
    return Samples(
        n=len(images),
        read=images.__getitem__,
        name=lambda row: f"{called}[{row}]",
        labels=labels,
        classes=list(classes),
        split=split,
        array=images,
    )


def split_of_name(name: str) -> str | None:
    """The split a file or folder name tells: `train-00000-of-00005.parquet` is train."""
    for word in re.split(r"[^a-z]+", name.lower()):
        if word in _SPLIT_WORDS:
            return _SPLIT_WORDS[word]
    return None


def files_by_split(files: Iterable[Path], top: Path) -> dict[str, list[Path]]:
    """Files by the split that their names tell, or their folders below `top`; `all` where none tells any."""
    by_split: dict[str, list[Path]] = {}
    for file in files:
        folder = split_of_name(file.parent.name) if file.parent != top else None
        by_split.setdefault(split_of_name(file.name) or folder or "all", []).append(file)
    if len(by_split) > 1:
        by_split.pop("all", None)
    return by_split


def choose_splits(available: Iterable[str], request: Request) -> list[str]:
    """Which of a source's splits to read for a request: one, or several for `all`.

    A source without splits has the one split `all`. Where there is no test split, val stands in.
    """
    present = list(available)
    if present == ["all"]:
        return present
    ordered = [split for split in SPLITS if split in present]
    if request.split == "all":
        return ordered
    if request.split == "train+val" and {"train", "val"} <= set(present):
        return ["train", "val"]
    if request.split in present:
        return [request.split]
    if request.split == "test" and "val" in present:
        return ["val"]
    remedy = "; name a test set with --test" if request.split == "test" else ""
    missing = "val" if request.split == "train+val" and "val" not in present else request.split
    raise NoSplitError(f"{request.reference} has no {missing} split: it has {', '.join(ordered)}{remedy}")


def numbered_classes(top: int, n: int, called: str) -> list[str]:
    """The names of classes that are known by their numbers, 0 to `top`, of a dataset of `n` samples.

    Far more classes than samples are an error: a single number must not make a list that fills the memory.
    """
    if top >= max(_MOST_CLASSES, n):
        raise CurateError(
            f"{called} has a label {top:,} and {n:,} samples: number its classes from 0 on, without gaps"
        )
    return [str(number) for number in range(top + 1)]


def check_labels(labels: npt.NDArray[np.int64], classes: Sequence[str], called: str) -> None:
    """Labels are 0 to n_classes − 1; anything else is an error that names the sample."""
    wrong = np.flatnonzero((labels < 0) | (labels >= len(classes)))
    if wrong.size:
        raise CurateError(
            f"{called}: sample {wrong[0]} has label {labels[wrong[0]]}, "
            f"use labels 0 to {len(classes) - 1} ({len(classes)} classes)"
        )
