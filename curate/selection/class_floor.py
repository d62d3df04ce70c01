"""The class floor of a selection: no class keeps less than a share of its fair part.

For a ranking of all samples there is `first_with_class_floor` (budget.py), exact for every budget at once.
Here one selection is mended, as a policy made it at a checkpoint, with as few samples changed as possible.
"""

from fractions import Fraction

import numpy as np

from curate.data.identity import Indices, Labels, Uids
from curate.selection.policy import Values


def fill_classes(
    selected: Indices,
    among: Indices,
    labels: Labels,
    share: float,
    *,
    ranking: Values | None,
    uids: Uids,
    rng: np.random.Generator,
) -> Indices:
    """The selection with ⌊share · k · n_c / n⌋ samples of each class at least, n_c of n being `among` it.

    What a class lacks are its highest-ranked samples outside the selection; for them go the lowest-ranked of
    the classes that have more than their floor. `ranking` `[n]` is high first, ties to the smaller uid; where
    it is None, chance decides. The selection stays sorted and as large as it was.
    """
    values = rng.random(len(labels)) if ranking is None else ranking
    n_classes = int(labels.max()) + 1
    available = np.bincount(labels[among], minlength=n_classes)
    counts = np.bincount(labels[selected], minlength=n_classes)
    exact = Fraction(str(share))
    floor = len(selected) * available * exact.numerator // (len(among) * exact.denominator)
    lacking = np.maximum(floor - counts, 0)
    if not lacking.any():
        return selected
    outside = np.setdiff1d(among, selected, assume_unique=True)
    best_first = outside[np.lexsort((uids[outside], -values[outside]))]
    added = best_first[_place_in_class(labels[best_first]) < lacking[labels[best_first]]]
    worst_first = selected[np.lexsort((uids[selected], -values[selected]))[::-1]]
    spare = np.maximum(counts - floor, 0)
    may_go = worst_first[_place_in_class(labels[worst_first]) < spare[labels[worst_first]]]
    return np.sort(np.concatenate([np.setdiff1d(selected, may_go[: len(added)]), added]))


def _place_in_class(labels: Labels) -> Indices:
    """For each place of a list of labels, how many of the same label stand before it."""
    by_class = np.argsort(labels, kind="stable")
    sizes = np.bincount(labels)
    places = np.empty(len(labels), np.int64)
    places[by_class] = np.arange(len(labels)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return places
