"""The Dataset noun: images, labels, class names, one uid per sample, one fingerprint.

A uid is a 64-bit hash of a sample's content: of the decoded pixels, with shape and dtype, for arrays
and lossless files; of the encoded bytes for lossy files. The fingerprint is a hash over all uids and
labels in order. MNIST read from IDX files and from PNGs is therefore one and the same dataset.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from curate import finder, outside
from curate.artifacts.files import beside
from curate.artifacts.header import DatasetReference
from curate.artifacts.kinds import header_at, kind_of
from curate.data import variants
from curate.data.decoding import Target
from curate.data.followed import check_followed, is_followed, known_place, remember
from curate.data.identity import Indices, Labels, Uids, fingerprint, of_rows
from curate.data.images import Images, view
from curate.data.index import Looked
from curate.data.scan import read_all
from curate.data.source import NoSplitError, Request, Source, check_labels
from curate.errors import CurateError
from curate.progress import LOGGED, Progress

RESIDENT_LIMIT = 2 * 2**30  # bytes of pixels; larger sets are decoded when needed
_HELD_OUT_ONE_IN = 5
_NAMED = 3  # of the images that were left out


@dataclass(frozen=True)
class Options:
    """How a reference is opened: everything a user can say about a dataset beside its reference.

    A `split` that is empty was not said, and is train. Of images that cannot be read a few are left out, and
    named, where `skip_corrupt` is None, all where it is True, and none where it is False. To `verify` is to
    read all images, whatever the index knows of them.
    """

    split: str = ""
    image_size: int | None = None
    channels: int | None = None
    root: str = "data"
    download: bool = False
    skip_corrupt: bool | None = None
    image_column: str | None = None
    label_column: str | None = None
    stream: bool = False
    verify: bool = False


@dataclass(frozen=True)
class Dataset:
    """Samples that can be trained on. Entry i of every field is sample i; `index` means i.

    `rows` int64 `[n]` are their places in the source as other libraries count them, out of `n_rows`; −1 where
    others leave a sample out. Samples that are `missing`, bool `[n]`, keep their index, and have no image.
    In `folder`, where there is one, each sample is a file, by its `name`; `in_memory` is whether it was
    made from arrays or objects, so that no reference opens it again. `notes` say what was made of its
    images that nobody had asked for; `looked` says what was read for it, and what its index knew.
    """

    reference: str
    images: Images
    labels: Labels | None
    classes: list[str]
    uids: Uids
    options: Options = Options(split="train")
    skipped: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    why_no_labels: str = ""
    folder: str = ""
    in_memory: bool = False
    looked: Looked | None = None
    missing: npt.NDArray[np.bool_] | None = None
    _rows: Indices | None = None
    _n_rows: int | None = None
    _names: tuple[Callable[[int], str], npt.NDArray[np.int64]] | None = None

    def __len__(self) -> int:
        return len(self.uids)

    def __repr__(self) -> str:
        height, width, channels = self.images.shape
        colour = "grey" if channels == 1 else "colour"
        classes = "no labels" if self.labels is None else f"{len(self.classes):,} classes"
        samples = f"{len(self):,} samples ({self.options.split or 'train'} split)"
        return f"<Dataset {self.reference}: {samples}, {width} x {height} {colour}, {classes}>"

    @property
    def rows(self) -> Indices:
        """The place of each sample in the source, int64 `[n]`; what was made by hand is a source itself."""
        return np.arange(len(self)) if self._rows is None else self._rows

    @property
    def n_rows(self) -> int:
        """How many samples other libraries count in the source."""
        return len(self) if self._n_rows is None else self._n_rows

    @property
    def present(self) -> Indices:
        """The indices of the samples that are not missing, sorted."""
        return np.arange(len(self)) if self.missing is None else np.flatnonzero(~self.missing)

    @cached_property
    def fingerprint(self) -> str:
        """sha256 over all uids and labels in order, in hexadecimal."""
        return fingerprint(self.uids, self.labels)

    def header(self) -> DatasetReference:
        """How an artifact's header names this dataset; enough to open it again."""
        return DatasetReference(
            reference=recorded(self.reference),
            split=self.options.split,
            n=len(self),
            classes=self.classes,
            fingerprint=self.fingerprint,
            image_size=self.options.image_size,
            channels=self.options.channels,
            image_column=self.options.image_column,
            label_column=self.options.label_column,
            skip_corrupt=bool(self.options.skip_corrupt),
            skipped=self.skipped,
            n_rows=self.n_rows,
        )

    def need_labels(self, what_for: str) -> Labels:
        """The labels, or an error that says what needs them and where they might be."""
        if self.labels is None:
            raise CurateError(
                f"{self.reference} has no labels and {what_for} needs them. {self.why_no_labels}".rstrip(" .")
            )
        return self.labels

    def need_classes(self) -> None:
        """Refuse a dataset from which nothing can be learned: one without labels, or of one class only."""
        if len(np.unique(self.need_labels("training"))) < 2:
            raise CurateError(
                f"{self.reference} has one class only: there is nothing to learn; add samples of another"
            )

    def name(self, index: int) -> str:
        """What the source calls a sample: its path, where it is a file."""
        if self._names is None:
            return f"{self.reference}[{index}]"
        of, rows = self._names
        return of(int(rows[index]))

    def __getstate__(self) -> dict[str, Any]:
        """For another process: without the names, which only a source can give."""
        return {**self.__dict__, "_names": None}

    def take(self, indices: Indices) -> "Dataset":
        """The samples at `indices`, in that order, as a dataset of its own."""
        return replace(
            self,
            images=view(self.images, indices),
            labels=None if self.labels is None else self.labels[indices],
            uids=self.uids[indices],
            missing=None if self.missing is None else self.missing[indices],
            _rows=self.rows[indices],
            _n_rows=self.n_rows,
            _names=None if self._names is None else (self._names[0], self._names[1][indices]),
        )

    @staticmethod
    def from_arrays(images: Any, labels: Any = None, **how: Any) -> "Dataset":
        """A dataset of images and labels in memory: see `curate.data.own.from_arrays`."""
        from curate.data import own

        return own.from_arrays(images, labels, **how)

    @staticmethod
    def from_torch(dataset: Any, **how: Any) -> "Dataset":
        """A dataset from a map-style one of torch: see `curate.data.own.from_torch`."""
        from curate.data import own

        return own.from_torch(dataset, **how)

    @staticmethod
    def from_hf(dataset: Any, **how: Any) -> "Dataset":
        """A dataset from a `datasets.Dataset`: see `curate.data.own.from_hf`."""
        from curate.data import own

        return own.from_hf(dataset, **how)

    def placed(self, places: Indices, uids: Uids, labels: Labels | None) -> "Dataset":
        """The dataset whose sample i is that at `places[i]`, or missing where that is −1.

        `uids` and `labels` are what is known of all of them.
        """
        missing = places < 0
        return replace(
            self.take(np.maximum(places, 0)),
            images=view(self.images, places),
            uids=uids,
            labels=labels,
            missing=missing if missing.any() else None,
        )


def reference_of(dataset: object) -> str:
    """What a dataset is called, open or not; an error for what is none."""
    if isinstance(dataset, Dataset):
        return dataset.reference
    if isinstance(dataset, str | Path):
        return str(dataset)
    raise CurateError(
        f"a {type(dataset).__name__} is no dataset: give a name or a path, or make one of it with "
        "curate.Dataset.from_arrays, from_torch or from_hf"
    )


def open_dataset(
    reference: "str | Path | Dataset",
    options: Options = Options(),
    progress: Progress = LOGGED,
    resident_limit: int = RESIDENT_LIMIT,
    hold_out: bool = True,
    decodes: bool = True,
) -> Dataset:
    """Open a dataset by its reference: `digits`, `mnist`, a folder, Parquet, `.npz` or `hf:owner/name`.

    A dataset that is open already is returned as it is. Where the source knows no splits, one sample
    in five is held out as `test`, chosen by uid: the choice survives re-ordering and growth, and equal
    images fall on the same side. With `hold_out=False` such a source gives all its samples. Without
    `decodes` a lossy image that has its beginning and its end is taken for readable. A reference may name a
    variant (`mnist+noise=0.1`, see variants.py), which changes every split but the test split.
    """
    if isinstance(reference, Dataset):
        return reference
    reference = reference_of(reference)
    options = replace(options, split=options.split or "train")
    _check_options(options)
    if not reference.strip():
        raise CurateError("the dataset has no name: give a path that exists, hf:owner/name, or a name")
    if outside.in_file(reference) is not None:
        from curate.data.own import from_file

        return from_file(reference, options, progress)
    base, variant = variants.parse(reference)
    joins = variant is not None and bool(variant.join)
    dataset = _open(base, options, progress, resident_limit, hold_out, joins, decodes)
    if variant is not None:
        dataset = _varied(dataset, variant, reference)
    remember(reference, dataset.fingerprint)
    return dataset


def open_recorded(
    recorded: DatasetReference,
    called: object,
    given: "str | Dataset | None" = None,
    opening: Options = Options(),
    progress: Progress = LOGGED,
    resident_limit: int = RESIDENT_LIMIT,
) -> Dataset:
    """The dataset that the header of the artifact `called` so names, opened as it was, or `given` instead.

    What it names is refused unless it is built in, or the user opened it before.
    """
    if given is None and not is_followed(recorded.reference, recorded.fingerprint):
        given = known_place(recorded.fingerprint)
        if given is not None:
            progress.note(f"{called} is of the samples in {given}, which is opened")
    if given is None:
        check_followed(recorded.reference, recorded.fingerprint, called)
    how = opening_for(recorded, opening, given)
    return open_dataset(recorded.reference if given is None else given, how, progress, resident_limit)


def recorded(reference: str) -> str:
    """A reference as a header has it: what a file of the user's makes is named so that nothing opens it."""
    return reference if outside.in_file(reference) is None else f"{outside.called(reference)}()"


def _varied(dataset: Dataset, variant: variants.Variant, reference: str) -> Dataset:
    """The dataset as a variant of it; a test split only takes the name."""
    if dataset.options.split == "test":
        return replace(dataset, reference=reference)
    if variant.per_class or variant.in_order:
        labels = dataset.need_labels("a variant with fewer samples per class")
        dataset = dataset.take(variant.rows(labels, dataset.classes, dataset.uids, reference))
    if variant.noise:
        labels = dataset.need_labels("a variant with wrong labels")
        if len(dataset.classes) < 2:
            raise CurateError(f"{reference} has one class only: no label can be wrong")
        noisy = variant.relabelled(labels, len(dataset.classes), dataset.uids)
        dataset = replace(dataset, labels=noisy)
    if len(dataset) == 0:
        raise CurateError(f"{reference} has no samples left: keep more of them")
    return replace(dataset, reference=reference)


def _open(
    reference: str,
    options: Options,
    progress: Progress,
    resident_limit: int,
    hold_out: bool,
    joins: bool,
    decodes: bool,
) -> Dataset:
    """The dataset itself; `joins` adds the val split to the train split."""
    source, location = _find_source(reference)
    request = Request(
        reference=location,
        split="train+val" if joins and options.split == "train" else options.split,
        root=Path(options.root),
        download=options.download,
        image_column=options.image_column,
        label_column=options.label_column,
        progress=progress,
    )
    samples = source.samples(request)
    if samples.n == 0:
        raise CurateError(f"{reference} has no samples in its {options.split} split")
    if samples.labels is not None:
        check_labels(samples.labels, samples.classes, reference)
    limit = 0 if options.stream else resident_limit
    target = Target(options.image_size, options.channels)
    found = read_all(samples, target, options.skip_corrupt, limit, progress, decodes, options.verify)
    rows, skipped = found.rows, found.skipped
    if options.split == "test" and samples.split == "val":
        progress.note(f"{reference} has no test split: accuracies are those of its val split")
    for note in (*_left_out(skipped, samples.n, options), *found.notes):
        progress.note(note)
    options = replace(
        options,
        image_size=found.target.image_size,
        channels=found.target.channels,
        skip_corrupt=options.skip_corrupt or bool(skipped) or None,
    )
    dataset = Dataset(
        reference=reference,
        images=found.images,
        labels=None if samples.labels is None else of_rows(samples.labels, rows),
        classes=samples.classes,
        uids=found.uids,
        options=options,
        skipped=skipped,
        notes=found.notes,
        why_no_labels=samples.why_no_labels,
        folder=samples.folder,
        looked=found.looked,
        _rows=rows if samples.rows is None else of_rows(samples.rows, rows),
        _n_rows=samples.n if samples.n_rows is None else samples.n_rows,
        _names=(samples.name, rows),
    )
    if (options.image_column or options.label_column) and not samples.has_columns:
        raise CurateError(f"{reference} has no columns: --image-column and --label-column are for Parquet")
    if joins and (samples.split == "all" or (options.split == "test" and samples.split == "val")):
        lacks = "val" if samples.split == "all" else "test"
        raise NoSplitError(f"{reference} has no {lacks} split" + " to join" * (lacks == "val"))
    if hold_out and samples.split == "all" and options.split != "all":
        return _hold_out(dataset, progress)
    return dataset


def _left_out(skipped: Sequence[str], n: int, options: Options) -> list[str]:
    """What is said of the images that were skipped."""
    if not skipped:
        return []
    names = ", ".join(skipped[:_NAMED]) + (f" and {len(skipped) - _NAMED:,} more" * (len(skipped) > _NAMED))
    asked = "" if options.skip_corrupt else "; --no-skip-corrupt stops at them"
    return [f"left out {len(skipped):,} of {n:,} images that cannot be read: {names}{asked}"]


def opening_for(recorded: DatasetReference, given: Options, elsewhere: object = None) -> Options:
    """How the dataset in an artifact's header was opened, where the user does not say otherwise.

    Column names are kept only for the recorded place, not for a copy `elsewhere`.
    """
    names = ["split", "image_size", "channels", "skip_corrupt"]
    if elsewhere is None:
        names += ["image_column", "label_column"]
    default = Options()
    untouched = [name for name in names if getattr(given, name) == getattr(default, name)]
    return replace(given, **{name: value for name in untouched if (value := getattr(recorded, name))})


def check_reference(reference: str) -> None:
    """Refuse what names no dataset, before any is opened."""
    if outside.in_file(reference) is None:
        _find_source(variants.parse(reference)[0])


def _find_source(reference: str) -> tuple[Source, str]:
    """The source for a reference; `kind:location` names it outright."""
    prefix, _, location = reference.partition(":")
    source: Source
    if location and prefix in finder.names("sources"):
        source = finder.make("sources", prefix)
        if not (source.accepts(location) or source.accepts(reference) or Path(location).exists()):
            raise CurateError(f"there is no {prefix} dataset '{location}': check the name or the path")
        return source, location
    _refuse_artifact(Path(reference))
    known: dict[str, Source] = {name: finder.make("sources", name) for name in finder.names("sources")}
    accepting = {name: source for name, source in known.items() if source.accepts(reference)}
    if len(accepting) > 1:
        meant = " or ".join(f"{name}:{reference}" for name in accepting)
        raise CurateError(f"{reference} is a known dataset and a path here: say which, {meant}")
    for source in accepting.values():
        return source, reference
    if Path(reference).is_file():
        raise CurateError(f"{reference} is no dataset: no source reads it ({', '.join(known)})")
    if (near := beside(Path(reference), _known_names())) is not None:
        raise CurateError(f"there is no {reference}: did you mean {near}?")
    raise CurateError(
        f"there is no dataset '{reference}': give a path that exists, hf:owner/name, or a name; "
        f"{finder.nearest(reference.lower(), _known_names())}"
    )


def _refuse_artifact(path: Path) -> None:
    """Refuse what curate made: clusters in Parquet have no images."""
    try:
        kind = kind_of(path) if path.exists() else None
    except CurateError:  # a source says what is wrong with it
        return
    if kind == "vectors" and path.suffix != ".parquet":
        raise CurateError(f"{path} holds vectors, and no images: run `curate cluster {path}`")
    if kind is not None and kind != "vectors":
        what = {"embedding": "an embedding", "clusters": kind, "scores": kind}.get(kind, f"a {kind}")
        of = ((header_at(path) or {}).get("dataset") or {}).get("reference") if kind != "embedding" else None
        named = f"it is of {of!r:.100}, name that" if of else "name the one that it is of"
        remedy = f"`curate replay {path}` trains on it" if kind == "manifest" else named
        raise CurateError(f"{path} holds {what} of curate's and is no dataset: {remedy}")


def counts_as_its_source(recorded: DatasetReference, uids: Uids) -> bool:
    """Whether the indices of a dataset are the rows of its source for sure, as far as its header tells.

    Not where a variant or a skip took samples away, where a part was held out for want of splits (a part that
    has samples of both kinds was not), or where a folder may have an order of its own.
    """
    base, plus, _ = recorded.reference.partition("+")
    kept_all = recorded.split == "all" or bool(uids.size and (uids % np.uint64(_HELD_OUT_ONE_IN) == 0).any())
    kept_all &= recorded.split != "test" or not (uids % np.uint64(_HELD_OUT_ONE_IN) == 0).all()
    in_one_order = base.endswith((".parquet", ".npz")) or base.startswith("hf:")
    in_one_order |= base.lower().replace("_", "-") in _known_names() or recorded.vectors_only
    return kept_all and in_one_order and not (plus or recorded.skipped)


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
        f"test split ({split} has {rows.size:,} of {len(dataset):,}); --split all takes all"
    )
    return dataset.take(rows)
