"""The Dataset noun: images, labels, class names, one uid per sample, one fingerprint.

A uid is a 64-bit hash of a sample's content: of the decoded pixels, with shape and dtype, for arrays
and lossless files; of the encoded bytes for lossy files. The fingerprint is a hash over all uids and
labels in order. MNIST read from IDX files and from PNGs is therefore one and the same dataset.
"""

import hashlib
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from curate import finder
from curate.errors import CurateError
from curate.images import (
    CorruptImageError,
    EncodedImages,
    Images,
    Pixels,
    ResidentImages,
    Target,
    bring_to,
    decode,
    is_lossless,
    probe,
    view,
    workers_for,
)
from curate.progress import SILENT, Progress
from curate.records import Records, Request, Source, check_labels

RESIDENT_LIMIT = 2 * 2**30  # bytes of pixels; larger sets are decoded when needed
_HELD_OUT_ONE_IN = 5
_CHUNK = 256

Uids = npt.NDArray[np.uint64]
Labels = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Options:
    """How a reference is opened: everything a user can say about a dataset beside its reference."""

    split: str = "train"
    image_size: int | None = None
    channels: int | None = None
    root: str = "data"
    download: bool = False
    skip_corrupt: bool = False
    image_column: str | None = None
    label_column: str | None = None
    stream: bool = False


@dataclass(frozen=True)
class Dataset:
    """Samples that can be trained on. Row i of every field is sample i; `index` means i."""

    reference: str
    images: Images
    labels: Labels | None
    classes: list[str]
    uids: Uids
    options: Options = Options()
    skipped: list[str] = field(default_factory=list)
    why_no_labels: str = ""

    def __len__(self) -> int:
        return len(self.uids)

    @cached_property
    def fingerprint(self) -> str:
        """sha256 over all uids and labels in order, in hexadecimal."""
        return fingerprint(self.uids, self.labels)

    def header(self) -> dict[str, Any]:
        """How an artifact's header names this dataset; enough to open it again."""
        how: dict[str, Any] = {
            key: value
            for key in ("image_size", "channels", "image_column", "label_column", "skip_corrupt")
            if (value := getattr(self.options, key))
        }
        if self.skipped:
            how["skipped"] = self.skipped
        return {
            "reference": self.reference,
            "split": self.options.split,
            "n": len(self),
            "classes": self.classes,
            "fingerprint": self.fingerprint,
            **how,
        }

    def need_labels(self, what_for: str) -> Labels:
        """The labels, or an error that says what needs them and where they might be."""
        if self.labels is None:
            raise CurateError(
                f"{self.reference} has no labels and {what_for} needs them. {self.why_no_labels}".rstrip(" .")
            )
        return self.labels

    def take(self, rows: npt.NDArray[np.int64]) -> "Dataset":
        """The samples at `rows`, in that order, as a dataset of its own."""
        return replace(
            self,
            images=view(self.images, rows),
            labels=None if self.labels is None else self.labels[rows],
            uids=self.uids[rows],
        )


def open_dataset(
    reference: "str | Dataset",
    options: Options = Options(),
    progress: Progress = SILENT,
    resident_limit: int = RESIDENT_LIMIT,
    hold_out: bool = True,
) -> Dataset:
    """Open a dataset by its reference: `digits`, `mnist`, a folder, Parquet, `.npz` or `hf:owner/name`.

    A dataset that is open already is returned as it is. Where the source knows no splits, one sample
    in five is held out as `test`, chosen by uid: the choice survives re-ordering and growth, and equal
    images fall on the same side. With `hold_out=False` such a source gives all its samples.
    """
    if isinstance(reference, Dataset):
        return reference
    _check_options(options)
    if not reference.strip():
        raise CurateError("the dataset has no name: give a path that exists, hf:owner/name, or a name")
    source, location = _find_source(reference)
    request = Request(
        location,
        options.split,
        Path(options.root),
        options.download,
        options.image_column,
        options.label_column,
        progress,
    )
    records = source.records(request)
    if records.n == 0:
        raise CurateError(f"{reference} has no samples in its {options.split} split")
    if records.labels is not None:
        check_labels(records.labels, records.classes, reference)
    limit = 0 if options.stream else resident_limit
    rows, uids, images, skipped = _read(records, options, progress, limit)
    for name in skipped:
        progress.note(f"skipped {name}, which is not a readable image")
    dataset = Dataset(
        reference,
        images,
        None if records.labels is None else records.labels[rows],
        records.classes,
        uids,
        options,
        skipped,
        records.why_no_labels,
    )
    if (options.image_column or options.label_column) and not records.has_columns:
        raise CurateError(f"{reference} has no columns: --image-column and --label-column are for Parquet")
    if hold_out and records.split == "all" and options.split != "all":
        return _hold_out(dataset, progress)
    return dataset


def opening_for(recorded: Mapping[str, Any], given: Options, elsewhere: object = None) -> Options:
    """How the dataset in an artifact's header was opened, where the user does not say otherwise.

    Column names are kept only for the recorded place, not for a copy `elsewhere`.
    """
    names = ["split", "image_size", "channels", "skip_corrupt"]
    if elsewhere is None:
        names += ["image_column", "label_column"]
    default = Options()
    untouched = [name for name in names if getattr(given, name) == getattr(default, name)]
    return replace(given, **{name: recorded[name] for name in untouched if name in recorded})


def uid_of(content: bytes | npt.NDArray[np.generic], pixels: npt.NDArray[np.generic] | None) -> int:
    """The 64-bit uid of one sample, from its decoded pixels `[h, w, c]`, or from bytes when lossy."""
    if pixels is None:
        assert isinstance(content, bytes)
        return _hash64(b"encoded ", content)
    return _hash64(_described(pixels.dtype, pixels.shape), np.ascontiguousarray(pixels).data)


def fingerprint(uids: Uids, labels: Labels | None) -> str:
    """sha256 over uids and labels in order (little-endian), in hexadecimal."""
    digest = hashlib.sha256(uids.astype("<u8").tobytes())
    digest.update(b"unlabelled" if labels is None else labels.astype("<i8").tobytes())
    return digest.hexdigest()


def occurrences(uids: Uids) -> npt.NDArray[np.int64]:
    """For each sample, how many samples before it have the same uid: 0 for the first."""
    order = np.argsort(uids, kind="stable")
    ordered = uids[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    lengths = np.diff(np.r_[starts, len(uids)])
    counts = np.empty(len(uids), np.int64)
    counts[order] = np.arange(len(uids)) - np.repeat(starts, lengths)
    return counts


def match(wanted: Uids, present: Uids) -> npt.NDArray[np.int64]:
    """For each wanted sample its row among the present ones, by uid and occurrence; −1 for none."""
    if len(present) == 0:
        return np.full(len(wanted), -1)
    keys = [np.rec.fromarrays([uids, occurrences(uids)]) for uids in (present, wanted)]
    order = np.lexsort((keys[0].f1, keys[0].f0))
    place = np.searchsorted(keys[0][order], keys[1])
    rows = order[np.minimum(place, len(order) - 1)]
    return np.where(keys[0][rows] == keys[1], rows, -1)


def _find_source(reference: str) -> tuple[Source, str]:
    """The source for a reference; `kind:location` names it outright."""
    prefix, _, location = reference.partition(":")
    source: Source
    if location and prefix in finder.names("sources"):
        source = finder.make("sources", prefix)
        if not (source.accepts(location) or source.accepts(reference) or Path(location).exists()):
            raise CurateError(f"there is no {prefix} dataset '{location}': check the name or the path")
        return source, location
    known: dict[str, Source] = {name: finder.make("sources", name) for name in finder.names("sources")}
    accepting = {name: source for name, source in known.items() if source.accepts(reference)}
    if len(accepting) > 1:
        meant = " or ".join(f"{name}:{reference}" for name in accepting)
        raise CurateError(f"{reference} is a known dataset and a path here: say which, {meant}")
    for source in accepting.values():
        return source, reference
    if Path(reference).is_file():
        raise CurateError(f"{reference} is no dataset: use .npz, .parquet or a folder of class folders")
    raise CurateError(
        f"there is no dataset '{reference}': give a path that exists, hf:owner/name, or a name; "
        f"{finder.nearest(reference.lower(), _known_names())}"
    )


def _known_names() -> list[str]:
    return ["digits", *finder.load("sources", "torchvision").names()]


def _check_options(options: Options) -> None:
    if options.split not in ("train", "val", "test", "all"):
        raise CurateError(f"split={options.split} is unknown: use train, val, test or all")
    if options.image_size is not None and not 1 <= options.image_size <= 4096:
        raise CurateError(f"image-size={options.image_size} is out of range: use 1 to 4096 pixels")
    if options.channels not in (None, 1, 3):
        raise CurateError(f"channels={options.channels} is unknown: use 1 (grey) or 3 (colour)")


def _hold_out(dataset: Dataset, progress: Progress) -> Dataset:
    split = dataset.options.split
    if split == "val":
        raise CurateError(f"{dataset.reference} has no val split: use train, test or all")
    held_out = dataset.uids % np.uint64(_HELD_OUT_ONE_IN) == 0
    rows = np.flatnonzero(held_out if split == "test" else ~held_out)
    if rows.size == 0:
        raise CurateError(
            f"{dataset.reference} has no splits and only {len(dataset)} samples, too few to hold out "
            "a test set: use --split all, or name a test set with --test"
        )
    progress.note(
        f"{dataset.reference} has no splits: one sample in {_HELD_OUT_ONE_IN}, chosen by content, is its "
        f"test split ({split} has {rows.size:,} of {len(dataset):,})"
    )
    return dataset.take(rows)


def _read(
    records: Records, options: Options, progress: Progress, resident_limit: int
) -> tuple[npt.NDArray[np.int64], Uids, Images, list[str]]:
    """One pass over all samples: uids, checks, and the pixels themselves where they fit in memory."""
    target = Target(options.image_size, options.channels)
    if records.array is not None and bring_to(records.array[0], target).shape == records.array.shape[1:]:
        uids = np.array([uid_of(b"", image) for image in records.array], np.uint64)
        return np.arange(records.n), uids, ResidentImages(records.array), []
    scan = _Scan(records, target, options.skip_corrupt, resident_limit)
    with progress.task("read", records.n, "images"), ThreadPoolExecutor(scan.workers) as pool:
        for done in pool.map(scan.chunk, range(0, records.n, _CHUNK)):
            progress.advance(done)
    return scan.finish(options)


class _Scan:
    """The state of one pass over the samples of a source."""

    def __init__(self, records: Records, target: Target, skip_corrupt: bool, limit: int) -> None:
        self.records, self.target, self.skip_corrupt = records, target, skip_corrupt
        self.uids = np.zeros(records.n, np.uint64)
        self.shapes = np.zeros((records.n, 3), np.int32)
        self.skipped: dict[int, str] = {}
        self.reasons: dict[int, str] = {}
        first = records.read(0)
        self.workers = workers_for(first)
        self.resident = self._pixels_in_memory(first) <= limit
        self.pixels: list[Pixels | None] = [None] * (records.n if self.resident else 0)

    def _pixels_in_memory(self, first: bytes | npt.NDArray[np.generic]) -> int:
        try:
            height, width, channels = (
                first.shape if isinstance(first, np.ndarray) else probe(first, self.records.name(0))
            )
        except CorruptImageError:
            height, width, channels = 256, 256, 3  # it is named, or skipped, when its turn comes
        size = self.target.image_size
        pixels = size * size if size else height * width
        return int(self.records.n * pixels * (self.target.channels or channels))

    def chunk(self, start: int) -> int:
        stop = min(start + _CHUNK, self.records.n)
        for row in range(start, stop):
            try:
                self._sample(row)
            except CorruptImageError as problem:
                if not self.skip_corrupt:
                    raise
                self.skipped[row] = self.records.name(row)
                self.reasons[row] = str(problem)
        return stop - start

    def _sample(self, row: int) -> None:
        content, name = self.records.read(row), self.records.name(row)
        lossless = isinstance(content, np.ndarray) or is_lossless(content)
        if not (lossless or self.resident or self.skip_corrupt):
            assert isinstance(content, bytes)
            shape = probe(content, name)
            self.uids[row] = uid_of(content, None)
        else:
            pixels = decode(content, name)
            self.uids[row] = uid_of(content, pixels if lossless else None)
            shape = pixels.shape
            if self.resident:
                brought = bring_to(pixels, self.target)
                self.pixels[row], shape = brought, brought.shape
        self.shapes[row] = self._final_shape(*shape)

    def _final_shape(self, height: int, width: int, channels: int) -> tuple[int, int, int]:
        size = self.target.image_size
        channels = self.target.channels or {2: 1, 4: 3}.get(channels, channels)
        return (size, size, channels) if size else (height, width, channels)

    def finish(self, options: Options) -> tuple[npt.NDArray[np.int64], Uids, Images, list[str]]:
        rows = np.array([row for row in range(self.records.n) if row not in self.skipped], np.int64)
        if rows.size == 0:
            raise CurateError(f"none of the {self.records.n:,} images could be read: {self.reasons[0]}")
        self._check_one_shape(rows)
        shape = tuple(int(side) for side in self.shapes[rows[0]])
        images: Images
        if self.resident:
            array = np.empty((rows.size, *shape), np.uint8)
            for place, row in enumerate(rows):
                array[place] = self.pixels[row]
                self.pixels[row] = None
            images = ResidentImages(array)
        else:
            height, width, channels = shape
            images = EncodedImages(
                self.records.read, self.records.name, rows, (height, width, channels), self.target
            )
        return rows, self.uids[rows], images, [self.skipped[row] for row in sorted(self.skipped)]

    def _check_one_shape(self, rows: npt.NDArray[np.int64]) -> None:
        shapes = self.shapes[rows]
        grey = shapes[:, 2] == 1
        if grey.any() and not grey.all():
            odd = rows[np.flatnonzero(grey if grey.sum() <= grey.size / 2 else ~grey)[0]]
            raise CurateError(
                f"{grey.sum():,} images are grey and {(~grey).sum():,} are colour (such as "
                f"{self.records.name(int(odd))}): use --channels 1 or --channels 3 for all"
            )
        if (shapes != shapes[0]).any():
            small, large = shapes[:, :2].min(axis=0), shapes[:, :2].max(axis=0)
            raise CurateError(
                f"the images differ in size, from {small[1]} x {small[0]} to {large[1]} x {large[0]} "
                "pixels: bring them to one with --image-size 64, or another number of pixels"
            )


def _hash64(kind: bytes, content: Any) -> int:
    digest = hashlib.blake2b(kind, digest_size=8)
    digest.update(content)
    return int.from_bytes(digest.digest(), "little")


@lru_cache(maxsize=256)
def _described(dtype: np.dtype[Any], shape: tuple[int, int, int]) -> bytes:
    """Type and shape of pixels, as they enter the uid; text is slow to make anew for every image."""
    height, width, channels = shape
    return f"{dtype} {height}x{width}x{channels} ".encode()
