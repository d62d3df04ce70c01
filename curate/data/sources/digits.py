"""digits: 1,797 real 8x8 images of handwritten digits, embedded in scikit-learn. Needs no network.

Source: E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits, UCI, 1998 (its test part).
Intensities 0 to 16 become 0 to 255. There are no splits, so one sample in five is held out as test.
"""

from dataclasses import dataclass
from functools import cache

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
    from sklearn.datasets import load_digits

    bunch = load_digits()
    images = np.rint(bunch.images * (255 / 16)).astype(np.uint8)
    return images, bunch.target.astype(np.int64), tuple(map(str, bunch.target_names))
