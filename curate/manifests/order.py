"""In which order the samples of an epoch are presented: it follows from the seed, and is not stored."""

import numpy as np

from curate.data.identity import Indices
from curate.errors import CurateError
from curate.rng import rng


def order_of(selected: Indices, n: int, seed: int, epoch: int) -> Indices:
    """The selected indices of `n` in the order of an epoch: a subsequence of the order of all."""
    if len(selected) == 0:
        raise CurateError(f"nothing is selected in epoch {epoch}: keep at least one sample")
    kept = np.zeros(n, np.bool_)
    kept[selected] = True
    everything: Indices = rng(seed, "order", epoch).permutation(n)
    return everything[kept[everything]]
