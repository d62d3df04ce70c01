"""torchvision: any classification set of torchvision by name, such as `mnist` or `cifar10`.

Files are looked for in `--root` (default `data`) and fetched only with `--download`. A set that
torchvision splits by a `train` flag or a `split` option has train and test; the others have no splits.
"""

import inspect
import io
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from curate.data import idx
from curate.data.source import Request, Samples, choose_splits, from_array
from curate.errors import CurateError

_FLAG: dict[str, Any] = {"train": {"train": True}, "test": {"train": False}}
_NO_SPLITS: dict[str, Any] = {"all": {}}


def _named(**splits: str) -> dict[str, Any]:
    return {split: {"split": name} for split, name in splits.items()}


_TRAIN_TEST = _named(train="train", test="test")
_TRAIN_VAL_TEST = _named(train="train", val="val", test="test")
_SETS: dict[str, tuple[str, dict[str, Any]]] = {
    "caltech101": ("Caltech101", _NO_SPLITS),
    "caltech256": ("Caltech256", _NO_SPLITS),
    "cifar10": ("CIFAR10", _FLAG),
    "cifar100": ("CIFAR100", _FLAG),
    "country211": ("Country211", _named(train="train", val="valid", test="test")),
    "dtd": ("DTD", _TRAIN_VAL_TEST),
    "eurosat": ("EuroSAT", _NO_SPLITS),
    "fake-data": ("FakeData", _NO_SPLITS),
    "fashion-mnist": ("FashionMNIST", _FLAG),
    "fgvc-aircraft": ("FGVCAircraft", _TRAIN_VAL_TEST),
    "flowers102": ("Flowers102", _TRAIN_VAL_TEST),
    "food101": ("Food101", _TRAIN_TEST),
    "gtsrb": ("GTSRB", _TRAIN_TEST),
    "imagenette": ("Imagenette", _named(train="train", val="val")),
    "kmnist": ("KMNIST", _FLAG),
    "mnist": ("MNIST", _FLAG),
    "oxford-pets": ("OxfordIIITPet", _named(train="trainval", test="test")),
    "pcam": ("PCAM", _TRAIN_VAL_TEST),
    "qmnist": ("QMNIST", _FLAG),
    "rendered-sst2": ("RenderedSST2", _TRAIN_VAL_TEST),
    "semeion": ("SEMEION", _NO_SPLITS),
    "stanford-cars": ("StanfordCars", _TRAIN_TEST),
    "stl10": ("STL10", _TRAIN_TEST),
    "svhn": ("SVHN", _TRAIN_TEST),
    "usps": ("USPS", _FLAG),
}


@dataclass(frozen=True)
class Torchvision:
    """A torchvision dataset, by its name in lower case."""

    @staticmethod
    def names() -> list[str]:
        """Every name that is understood."""
        return sorted(_SETS)

    def accepts(self, reference: str) -> bool:
        return _spelt(reference) in _SETS

    def samples(self, request: Request) -> Samples:
        name = _spelt(request.reference)
        class_name, splits = _SETS[name]
        chosen = choose_splits(splits, request)
        if idx.are_there(name, request.root):
            return idx.read_sets(name, chosen, request)
        from torchvision import datasets

        parts = [_open(getattr(datasets, class_name), splits[split], request) for split in chosen]
        split = chosen[0] if len(chosen) == 1 else request.split
        labels = np.concatenate([_labels(part) for part in parts])
        classes = _classes(parts[0], labels)
        arrays = [array for part in parts if (array := _array(part)) is not None]
        if len(arrays) == len(parts):
            return from_array(np.concatenate(arrays), labels, classes, split, request.reference)
        ends = np.cumsum([len(part) for part in parts])

        one_at_a_time = threading.Lock()  # torchvision does not promise that several threads may read

        def read(row: int) -> npt.NDArray[np.generic]:
            part = int(np.searchsorted(ends, row, side="right"))
            with one_at_a_time:
                image = parts[part][row - (int(ends[part - 1]) if part else 0)][0]
            pixels = np.asarray(image if image.mode in ("L", "RGB") else image.convert("RGB"))
            return pixels if pixels.ndim == 3 else pixels[..., None]

        return Samples(
            n=int(ends[-1]),
            read=read,
            name=lambda row: f"{request.reference}[{row}]",
            labels=labels,
            classes=classes,
            split=split,
        )


def _spelt(reference: str) -> str:
    name = reference.lower().replace("_", "-")
    return {"fashionmnist": "fashion-mnist", "cifar-10": "cifar10", "cifar-100": "cifar100"}.get(name, name)


def _open(kind: Any, split: dict[str, Any], request: Request) -> Any:
    parameters = inspect.signature(kind.__init__).parameters
    options: dict[str, Any] = dict(split)
    if "root" in parameters:
        options["root"] = str(request.root)
    if "download" in parameters or kind.__name__ == "QMNIST":  # QMNIST hands it on unnamed
        options["download"] = request.download
        if request.download:
            request.root.mkdir(parents=True, exist_ok=True)
    try:
        with _no_bars():
            return kind(**options)
    except (RuntimeError, FileNotFoundError, ValueError, ImportError) as problem:
        reason_given = " ".join(str(problem).split())
        absent = (
            not reason_given
            or "dataset not found" in reason_given.lower()
            or isinstance(problem, FileNotFoundError)
        )
        reason = "" if absent else f" ({reason_given[:120]})"
        raise CurateError(
            f"{request.reference} is not whole in {request.root}/{reason}: fetch it with --download, "
            "or name its folder with --root"
        ) from None
    except OSError as problem:
        raise CurateError(f"could not download {request.reference}: {problem}") from None


@contextmanager
def _no_bars() -> Iterator[None]:
    """Where stderr is no terminal, torchvision's bars of a download stay out of the log."""
    if sys.stderr.isatty():
        yield
        return
    with redirect_stderr(io.StringIO()):
        yield


def _labels(dataset: Any) -> npt.NDArray[np.int64]:
    for name in ("targets", "labels", "_labels", "y"):
        if hasattr(dataset, name):
            numbers = np.asarray(getattr(dataset, name)).astype(np.int64)
            return numbers[:, 0] if numbers.ndim == 2 else numbers  # QMNIST: the class, then its origin
    for name in ("_samples", "samples"):
        if hasattr(dataset, name):
            return np.array([label for _, label in getattr(dataset, name)], np.int64)
    return np.array([int(dataset[row][1]) for row in range(len(dataset))], np.int64)


def _classes(dataset: Any, labels: npt.NDArray[np.int64]) -> list[str]:
    named = getattr(dataset, "classes", None) or getattr(dataset, "categories", None)
    if named is not None and len(named) > int(labels.max(initial=0)):
        return [name if isinstance(name, str) else str(name[0]) for name in named]
    return [str(number) for number in range(int(labels.max(initial=0)) + 1)]


def _array(dataset: Any) -> npt.NDArray[np.uint8] | None:
    """All pixels, uint8 `[n, h, w, c]`, where the dataset holds them in memory."""
    data = getattr(dataset, "data", None)
    if data is None or not hasattr(data, "shape") or str(data.dtype) not in ("uint8", "torch.uint8"):
        return None
    array = np.asarray(data)
    if array.ndim == 3:
        return array[..., None]
    if array.ndim == 4 and array.shape[1] == 3 and array.shape[3] != 3:
        return np.ascontiguousarray(array.transpose(0, 2, 3, 1))
    return array if array.ndim == 4 else None
