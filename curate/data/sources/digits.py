"""digits: 1,797 real 8x8 images of handwritten digits, embedded in scikit-learn. Needs no network.

Source: E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits, UCI, 1998 (its test part).
Intensities 0 to 16 become 0 to 255. There are no splits, so one sample in five is held out as test.
"""

import gzip
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import numpy.typing as npt

from curate.data.source import Request, Samples, from_array


@dataclass(frozen=True)
class Digits:
    """The dataset called `digits`."""

    def accepts(self, reference: str) -> bool:
        return reference.lower() == "digits"

    def samples(self, request: Request) -> Samples:
        images, labels, classes = _read()
        return from_array(images.copy(), labels.copy(), [*classes], "all", "digits")


@cache
def _read() -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64], tuple[str, ...]]:
    """The numbers in scikit-learn's own file, which is found without importing it: that takes a second."""
    found = find_spec("sklearn")
    place = found.origin if found is not None else None
    assert place is not None, "scikit-learn is among what curate needs"
    with gzip.open(Path(place).parent / "datasets" / "data" / "digits.csv.gz", "rt") as file:
        numbers = np.loadtxt(file, delimiter=",")
    images = np.rint(numbers[:, :-1].reshape(-1, 8, 8) * (255 / 16)).astype(np.uint8)
    return images, numbers[:, -1].astype(np.int64), tuple("0123456789")
