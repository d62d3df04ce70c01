"""Datasets of the user's own: arrays, a map-style dataset of torch, one of Hugging Face, what a file makes.

All pixels are read into memory once; uids come from them as from any other source, so that the same images
are the same dataset.
"""

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from curate import outside
from curate.data.dataset import Dataset, Options, reference_of
from curate.data.decoding import Target
from curate.data.identity import uids_of_keys
from curate.data.scan import read_all
from curate.data.source import NoSplitError, Samples, check_labels, from_array, numbered_classes
from curate.errors import CurateError
from curate.finder import nearest
from curate.progress import LOGGED, Progress

_ALL = 2**62  # bytes: what is given is in memory
_SPLITS = ("train", "val", "test")


def from_arrays(
    images: npt.ArrayLike,
    labels: npt.ArrayLike | None = None,
    *,
    classes: Sequence[str] | None = None,
    name: str = "arrays",
    keys: Sequence[str] | None = None,
    options: Options = Options(),
    progress: Progress = LOGGED,
) -> Dataset:
    """A dataset of images, uint8 or floats from 0 to 1, `[n, h, w]` or `[n, h, w, 1 or 3]`; labels `[n]`.

    Uids come from the pixels, or from `keys`, a text for each sample.
    """
    pixels = _pixels(np.asarray(images), name)
    numbers = None if labels is None else _class_numbers(labels, len(pixels), name)
    named = list(classes) if classes is not None else _numbered(numbers)
    if numbers is not None:
        check_labels(numbers, named, name)
    return _keyed(_read(from_array(pixels, numbers, named, "all", name), name, options, progress), keys)


def from_torch(
    dataset: Any,
    *,
    classes: Sequence[str] | None = None,
    name: str = "",
    keys: Sequence[str] | None = None,
    options: Options = Options(),
    progress: Progress = LOGGED,
) -> Dataset:
    """A dataset from a map-style one whose samples are `(image, label)`: PIL images, arrays or tensors.

    A tensor is `[c, h, w]` as torchvision makes them, uint8 or from 0 to 1. Images of different sizes need
    `options.image_size`. What the dataset draws at random is drawn once, here: leave augmentation out.
    Uids come from the pixels, or from `keys`, a text for each sample.
    """
    called = name or type(dataset).__name__
    if not hasattr(dataset, "__getitem__") or not hasattr(dataset, "__len__"):
        raise CurateError(f"{called} is no map-style dataset: it needs a length, and samples by index")
    if len(dataset) == 0:
        raise CurateError(f"{called} has no samples")
    images: list[npt.NDArray[Any]] = []
    labels: list[int] = []
    for index in range(len(dataset)):
        sample = dataset[index]
        if not isinstance(sample, tuple | list) or len(sample) < 2:
            raise CurateError(
                f"sample {index} of {called} is no (image, label), but a {type(sample).__name__}"
            )
        images.append(_image(sample[0], f"sample {index} of {called}"))
        labels.append(int(sample[1]))
    known = classes if classes is not None else getattr(dataset, "classes", None)
    return _keyed(_of_list(images, np.array(labels, np.int64), known, called, options, progress), keys)


def from_hf(
    dataset: Any,
    *,
    image_column: str = "image",
    label_column: str = "label",
    name: str = "",
    keys: Sequence[str] | None = None,
    options: Options = Options(),
    progress: Progress = LOGGED,
) -> Dataset:
    """A dataset from a `datasets.Dataset` with a column of images and one of labels, if it has one.

    Uids come from the pixels, or from `keys`, a text for each sample.
    """
    called = name or str(getattr(getattr(dataset, "info", None), "dataset_name", None) or "dataset")
    columns = list(getattr(dataset, "column_names", []))
    if image_column not in columns:
        raise CurateError(f"{called} has no column '{image_column}': {nearest(image_column, columns)}")
    images = [
        _image(image, f"sample {index} of {called}") for index, image in enumerate(dataset[image_column])
    ]
    labels = np.asarray(dataset[label_column], np.int64) if label_column in columns else None
    feature = getattr(dataset, "features", {}).get(label_column)
    named = getattr(feature, "names", None)
    return _keyed(_of_list(images, labels, named, called, options, progress), keys)


def from_file(reference: str, options: Options, progress: Progress) -> Dataset:
    """The dataset that a function in a file makes, `file.py:make`; it is told the `split`, if it takes it.

    It returns a Dataset, a map-style dataset of torch, a `datasets.Dataset`, or images and labels as arrays.
    """
    found = outside.in_file(reference)
    assert found is not None, "whoever asks has looked"
    make, called = outside.from_file(*found), outside.called(reference)
    takes_split = "split" in inspect.signature(make).parameters if callable(make) else False
    if options.split not in ("train", "all") and not takes_split:
        raise NoSplitError(
            f"{called} makes one dataset only: let it take split, or name a test set with --test"
        )
    made = make(**({"split": options.split} if takes_split else {})) if callable(make) else make
    dataset = as_dataset(made, name=called, options=options, progress=progress)
    settled = dataset.options
    options = replace(options, image_size=settled.image_size, channels=settled.channels)
    return replace(dataset, reference=reference, options=options, in_memory=False)


def as_dataset(made: Any, *, name: str, options: Options = Options(), progress: Progress = LOGGED) -> Dataset:
    """A Dataset of whatever holds images and labels in memory."""
    if isinstance(made, Dataset):
        return made
    if hasattr(made, "column_names"):
        return from_hf(made, name=name, options=options, progress=progress)
    if isinstance(made, tuple) and len(made) == 2 and all(hasattr(part, "shape") for part in made):
        return from_arrays(*made, name=name, options=options, progress=progress)
    if hasattr(made, "__getitem__") and hasattr(made, "__len__") and not isinstance(made, str):
        return from_torch(made, name=name, options=options, progress=progress)
    raise CurateError(
        f"{name} makes a {type(made).__name__}: return a Dataset, a map-style dataset of torch, a "
        "datasets.Dataset, or images and labels as arrays"
    )


def _keyed(made: Dataset, keys: Sequence[str] | None) -> Dataset:
    """The dataset with its samples known by keys, where there are some."""
    if keys is None:
        return made
    if len(keys) != len(made):
        raise CurateError(
            f"{made.reference} has {len(made):,} images and {len(keys):,} keys: give one for each"
        )
    return replace(made, uids=uids_of_keys(keys))


def _of_list(
    images: Sequence[npt.NDArray[Any]],
    labels: npt.NDArray[np.int64] | None,
    classes: Sequence[str] | None,
    called: str,
    options: Options,
    progress: Progress,
) -> Dataset:
    named = [str(one) for one in classes] if classes is not None else _numbered(labels)
    if labels is not None:
        check_labels(labels, named, called)
    samples = Samples(
        n=len(images),
        read=images.__getitem__,
        name=lambda index: f"{called}[{index}]",
        labels=labels,
        classes=named,
        split="all",
    )
    return _read(samples, called, options, progress)


def _read(samples: Samples, called: str, options: Options, progress: Progress) -> Dataset:
    if samples.n == 0:
        raise CurateError(f"{called} has no samples")
    target = Target(options.image_size, options.channels)
    found = read_all(samples, target, False, _ALL, progress)
    for note in found.notes:
        progress.note(note)
    options = replace(options, image_size=found.target.image_size, channels=found.target.channels)
    return Dataset(
        reference=called,
        images=found.images,
        labels=samples.labels,
        classes=samples.classes,
        uids=found.uids,
        options=replace(options, split=options.split or "train"),
        in_memory=True,
        _names=(samples.name, found.rows),
    )


def _image(image: Any, called: str) -> npt.NDArray[Any]:
    """Pixels uint8 `[h, w, c]` of a PIL image, an array or a tensor."""
    if hasattr(image, "detach"):  # channels first, as torchvision has them
        values = image.detach().cpu().numpy()
        image = values if values.ndim == 2 else np.moveaxis(values, 0, -1)
    elif hasattr(image, "convert"):
        image = np.asarray(image if image.mode in ("L", "RGB") else image.convert("RGB"))
    array = np.asarray(image)
    return _pixels(array[None], called)[0] if array.ndim == 3 else _pixels(array[None], called)[0][..., None]


def _pixels(array: npt.NDArray[Any], called: str) -> npt.NDArray[np.uint8]:
    if array.ndim not in (3, 4) or (array.ndim == 4 and array.shape[3] not in (1, 3)):
        raise CurateError(f"{called}: images of shape {array.shape[1:]}: use [h, w] or [h, w, 1 or 3]")
    if array.dtype == np.uint8:
        return array
    if array.dtype.kind == "f" and np.isfinite(array).all() and array.min() >= 0 and array.max() <= 1:
        return np.rint(array.astype(np.float64) * 255).astype(np.uint8)
    what = "values outside 0 to 1" if array.dtype.kind == "f" else f"type {array.dtype}"
    raise CurateError(f"{called}: images have {what}: give uint8, or floats from 0 to 1")


def _class_numbers(labels: Any, n: int, called: str) -> npt.NDArray[np.int64]:
    numbers = np.asarray(labels.tolist() if hasattr(labels, "detach") else labels)
    if numbers.shape != (n,) or numbers.dtype.kind not in "iu":
        raise CurateError(
            f"{called}: labels are {numbers.dtype} {list(numbers.shape)} for {n:,} images: give a whole "
            "number for each"
        )
    return numbers.astype(np.int64)


def _numbered(labels: npt.NDArray[np.int64] | None) -> list[str]:
    return [] if labels is None else numbered_classes(int(labels.max(initial=-1)), len(labels), "the dataset")


def as_given(given: Any, options: Options = Options(), progress: Progress = LOGGED) -> str | Dataset:
    """What the user gave in the place of a dataset: a name or a path as it is, anything else in memory."""
    if isinstance(given, str | Dataset):
        return given
    lies_at = getattr(getattr(given, "manifest", given), "path", given)
    if isinstance(lies_at, Path):
        return str(lies_at)
    if isinstance(given, np.ndarray):
        return from_arrays(given, options=options, progress=progress)
    holds = hasattr(given, "__getitem__") and hasattr(given, "__len__") and not isinstance(given, Mapping)
    if not holds:
        reference_of(given)  # which says what may be given
    return as_dataset(given, name=type(given).__name__, options=options, progress=progress)
