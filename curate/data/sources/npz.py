"""npz: a `.npz` file of images and labels, in the two spellings in use.

Keras writes `x_train, y_train, x_test, y_test`; MedMNIST writes `train_images, train_labels, ...`.
Without splits: `x, y`, or `images, labels`. Images are uint8, or floats from 0 to 1; `[n, h, w]` or
`[n, h, w, c]`. Pickled arrays are refused.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from curate.artifacts.reading import check_npz, damage_as_one_line
from curate.data.source import Request, Samples, choose_splits, from_array, numbered_classes, split_of_name
from curate.errors import CurateError

_IMAGES = ("x", "images", "image", "data")
_LABELS = ("y", "labels", "label", "targets", "target")


@dataclass(frozen=True)
class Npz:
    """npz: a `.npz` file, by its path."""

    def accepts(self, reference: str) -> bool:
        return Path(reference).suffix == ".npz" and Path(reference).is_file()

    def samples(self, request: Request) -> Samples:
        path = Path(request.reference)
        with damage_as_one_line(path, ".npz file of plain arrays", "save it anew"):
            check_npz(path)
            with np.load(path, allow_pickle=False) as file:
                arrays = {key: np.asarray(file[key]) for key in file if _role(key)}
                names = list(file)
        if not any(_role(key) == "images" for key in arrays):
            raise CurateError(
                f"{path} has no images: its arrays are {', '.join(names)}; call one x or images, or, "
                f"if they are vectors, `curate cluster {path}`"
            )
        return self._from_arrays(arrays, request)

    def _from_arrays(self, file: Mapping[str, npt.NDArray[np.generic]], request: Request) -> Samples:
        path = request.reference
        images = {split_of_name(key) or "all": key for key in file if _role(key) == "images"}
        labels = {split_of_name(key) or "all": key for key in file if _role(key) == "labels"}
        if len(images) > 1:
            images.pop("all", None)
        chosen = choose_splits(images, request)
        parts = [_as_uint8(file[images[split]], images[split]) for split in chosen]
        if len({part.shape[1:] for part in parts}) > 1:
            shapes = ", ".join(
                f"{images[split]} {part.shape}" for split, part in zip(chosen, parts, strict=True)
            )
            raise CurateError(f"the splits of {path} differ in size: {shapes}; read one with --split")
        pixels = np.concatenate(parts)
        if not all(split in labels for split in chosen):
            missing = ", ".join(images[split].replace("x", "y").replace("image", "label") for split in chosen)
            unlabelled = from_array(pixels, None, [], chosen[0] if len(chosen) == 1 else request.split, path)
            return replace(unlabelled, why_no_labels=f"Add an array {missing} to {path}")
        numbers = np.concatenate([_as_labels(file[labels[split]], labels[split]) for split in chosen])
        if len(numbers) != len(pixels):
            raise CurateError(f"{path} has {len(pixels):,} images and {len(numbers):,} labels")
        top = max(int(_as_labels(file[key], key).max(initial=0)) for key in labels.values())
        classes = numbered_classes(top, len(numbers), path)
        return from_array(pixels, numbers, classes, chosen[0] if len(chosen) == 1 else request.split, path)


def _role(key: str) -> str | None:
    words = [word for word in key.lower().split("_") if split_of_name(word) is None]
    name = "_".join(words)
    return "images" if name in _IMAGES else "labels" if name in _LABELS else None


def _as_uint8(array: npt.NDArray[np.generic], key: str) -> npt.NDArray[np.uint8]:
    if array.ndim not in (3, 4) or (array.ndim == 4 and array.shape[3] not in (1, 3)):
        raise CurateError(f"array {key} has shape {array.shape}: use [n, h, w] or [n, h, w, 1 or 3]")
    if array.dtype == np.uint8:
        return array.astype(np.uint8, copy=False)
    if np.issubdtype(array.dtype, np.floating):
        floats = array.astype(np.float64)
        if floats.size == 0:
            return floats.astype(np.uint8)
        if np.isfinite(floats).all() and floats.min() >= 0 and floats.max() <= 1:
            return np.rint(floats * 255).astype(np.uint8)
        raise CurateError(f"array {key} has values outside 0 to 1: scale the images, or store uint8")
    raise CurateError(f"array {key} is {array.dtype}: store images as uint8, or as floats from 0 to 1")


def _as_labels(array: npt.NDArray[np.generic], key: str) -> npt.NDArray[np.int64]:
    if array.ndim == 0:
        raise CurateError(f"array {key} is a single {array.dtype} (): store labels as integers [n]")
    flat = array.reshape(len(array), -1) if array.size else array.reshape(0, 1)
    if flat.shape[1] != 1 or not np.issubdtype(flat.dtype, np.integer):
        raise CurateError(f"array {key} is {array.dtype} {array.shape}: store labels as integers [n]")
    return flat[:, 0].astype(np.int64)
