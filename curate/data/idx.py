"""IDX files, in which MNIST and its kin come, where torchvision puts them; read without importing it.

    ROOT/MNIST/raw/train-images-idx3-ubyte      two zeros, the type (8: uint8), the number of sides, each side

Source: Y. LeCun, C. Cortes and C. Burges, THE MNIST DATABASE of handwritten digits.
"""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from curate.artifacts.reading import size_of
from curate.data.source import Request, Samples, from_array
from curate.errors import CurateError

_MOST_BYTES, _UINT8 = 2**32, 8
_FILES = {"train": "train", "test": "t10k"}
SETS = {  # folder and classes
    "mnist": (
        "MNIST",
        "0 - zero,1 - one,2 - two,3 - three,4 - four,5 - five,6 - six,7 - seven,8 - eight,9 - nine",
    ),
    "fashion-mnist": (
        "FashionMNIST",
        "T-shirt/top,Trouser,Pullover,Dress,Coat,Sandal,Shirt,Sneaker,Bag,Ankle boot",
    ),
    "kmnist": ("KMNIST", "o,ki,su,tsu,na,ha,ma,ya,re,wo"),
}


def are_there(name: str, root: Path) -> bool:
    """Whether a set comes as IDX files, and all four are below a root."""
    if name not in SETS:
        return False
    raw = root / SETS[name][0] / "raw"
    return all(_images(raw, split).is_file() and _labels(raw, split).is_file() for split in _FILES)


def read_sets(name: str, chosen: Sequence[str], request: Request) -> Samples:
    """The samples of some splits, one behind another."""
    folder, classes = SETS[name]
    raw = request.root / folder / "raw"
    images, labels = [], []
    for split in chosen:
        images.append(read_idx(_images(raw, split), 3))
        labels.append(read_idx(_labels(raw, split), 1))
        if len(images[-1]) != len(labels[-1]):
            raise CurateError(
                f"{raw} has {len(images[-1]):,} images and {len(labels[-1]):,} labels of {split}: mend them"
            )
    called = chosen[0] if len(chosen) == 1 else request.split
    numbers = np.concatenate(labels).astype(np.int64)
    pixels = images[0] if len(images) == 1 else np.concatenate(images)
    return from_array(pixels, numbers, classes.split(","), called, request.reference)


def read_idx(path: Path, n_sides: int) -> npt.NDArray[np.uint8]:
    """The array in a file, uint8 of so many sides; what is no such file is an error."""
    size_of(path, _MOST_BYTES)
    content, begin = np.fromfile(path, np.uint8), 4 + 4 * n_sides
    head = content[:begin].tobytes()
    shape = [int.from_bytes(head[place : place + 4], "big") for place in range(4, begin, 4)]
    is_one = head[:4] == bytes([0, 0, _UINT8, n_sides]) and len(content) == begin + math.prod(shape)
    if not is_one:
        raise CurateError(
            f"{path} is no IDX file of {n_sides} sides, or is damaged: remove it, and --download"
        )
    return content[begin:].reshape(shape)


def _images(raw: Path, split: str) -> Path:
    return raw / f"{_FILES[split]}-images-idx3-ubyte"


def _labels(raw: Path, split: str) -> Path:
    return raw / f"{_FILES[split]}-labels-idx1-ubyte"
