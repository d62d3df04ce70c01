"""digits: 1,797 real 8x8 images of handwritten digits, embedded in scikit-learn. Needs no network.

Source: E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits, UCI, 1998 (its test part).
Intensities 0 to 16 become 0 to 255. There are no splits, so one sample in five is held out as test.
"""

from dataclasses import dataclass

import numpy as np

from curate.data.source import Request, Samples, from_array


@dataclass(frozen=True)
class Digits:
    """The dataset called `digits`."""

    def accepts(self, reference: str) -> bool:
        return reference.lower() == "digits"

    def samples(self, request: Request) -> Samples:
        from sklearn.datasets import load_digits

        bunch = load_digits()
        images = np.rint(bunch.images * (255 / 16)).astype(np.uint8)
        classes = [str(name) for name in bunch.target_names]
        return from_array(images, bunch.target.astype(np.int64), classes, "all", "digits")
