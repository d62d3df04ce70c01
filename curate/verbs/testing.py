"""The test set that belongs to a dataset, with its labels numbered alike."""

from dataclasses import replace

import numpy as np

from curate.data.dataset import Dataset, Options, open_dataset
from curate.data.overlap import overlap
from curate.data.source import NoSplitError
from curate.errors import CurateError
from curate.progress import Progress


def open_test(
    data: Dataset, test: str | Dataset | None, opening: Options, progress: Progress
) -> Dataset | None:
    """The test set that belongs to a dataset: the one named, else its test split, else None.

    What is wrong between the two, or in the training set, is said.
    """
    opened = _opened(data, test, opening, progress)
    for warning in overlap(data, opened).warnings(data, opened):
        progress.note(warning)
    return opened


def _opened(
    data: Dataset, test: str | Dataset | None, opening: Options, progress: Progress
) -> Dataset | None:
    size = data.options.image_size or opening.image_size
    same_shape = replace(opening, split="test", image_size=size, channels=data.images.shape[2])
    if test is not None:
        return _comparable(data, open_dataset(test, same_shape, progress, hold_out=False))
    if data.options.split == "test":
        raise CurateError(
            f"{data.reference} is a test split and cannot be its own test: name one with --test"
        )
    if data.options.split == "all":
        progress.note("split=all leaves no test set: training without one; name one with --test")
        return None
    if data.in_memory:
        progress.note(f"{data.reference} was made in memory, without a test set: name one as test")
        return None
    try:
        return _comparable(data, open_dataset(data.reference, same_shape, progress))
    except NoSplitError as problem:
        progress.note(f"{problem}; training without a test")
        return None


def _comparable(data: Dataset, test: Dataset) -> Dataset:
    """The test set with its labels numbered as in training; other classes or image sizes are an error."""
    if test.images.shape[:2] != data.images.shape[:2]:
        sizes = ["{1} x {0}".format(*dataset.images.shape) for dataset in (test, data)]
        raise CurateError(
            f"the test images of {test.reference} are {sizes[0]} pixels, those of {data.reference} {sizes[1]}"
            ": bring all to one size with --image-size"
        )
    return numbered_as(test, data.classes, data.reference)


def numbered_as(test: Dataset, classes: list[str], called: str) -> Dataset:
    """A test set with its labels numbered as the classes of what is `called` so; others are an error."""
    labels = test.need_labels("testing")
    unknown = [name for name in test.classes if name not in classes]
    if unknown:
        raise CurateError(
            f"the test set {test.reference} has a class '{unknown[0]}' that {called} has not "
            f"({', '.join(classes[:5])}, ...): name another with --test"
        )
    if test.classes == classes:
        return test
    number = np.array([classes.index(name) for name in test.classes])
    return replace(test, labels=number[labels], classes=classes)
