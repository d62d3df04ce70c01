"""The samples of a loop of one's own, as far as a Pruner knows them: how many, which, and of what classes."""

import operator
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from curate.artifacts.header import DatasetReference
from curate.data.dataset import Dataset
from curate.data.identity import Indices, Labels, Uids, fingerprint, uids_of_keys
from curate.errors import CurateError


@dataclass(frozen=True)
class OwnSamples:
    """Arrays `[n]`; `available` are the indices that exist, `rows` the places in the source."""

    reference: DatasetReference
    uids: Uids
    rows: Indices
    labels: Labels | None
    available: Indices

    @property
    def n(self) -> int:
        """How many samples there are."""
        return len(self.uids)


def own_samples(
    samples: int | Dataset, *, labels: Any, keys: Sequence[str] | None, uids: Any, name: str
) -> OwnSamples:
    """What is known of `samples`: a number of them, or a dataset that curate opened.

    A sample is known by its uid, that of its key, or else by its place.
    """
    if isinstance(samples, Dataset):
        if keys is not None or uids is not None or labels is not None:
            raise CurateError("a Dataset knows its own samples: leave out keys, uids and labels")
        return OwnSamples(samples.header(), samples.uids, samples.rows, samples.labels, samples.present)
    try:
        n = operator.index(samples)
    except TypeError:
        raise CurateError(
            f"a Pruner was given a {type(samples).__name__}: give it len(dataset), or what "
            "curate.open_dataset gives"
        ) from None
    if n < 1:
        raise CurateError(f"{n} samples are too few: give len(dataset)")
    if keys is not None and uids is not None:
        raise CurateError("keys and uids say the same thing: give one of them")
    known = np.asarray(uids, np.uint64) if uids is not None else uids_of_keys(keys or map(str, range(n)))
    classes = None if labels is None else _labels(labels)
    for called, values in (("keys" if uids is None else "uids", known), ("labels", classes)):
        if values is not None and values.shape != (n,):
            raise CurateError(f"there are {len(values):,} {called} for {n:,} samples: give one for each")
    reference = DatasetReference(
        reference=name,
        split="train",
        n=n,
        classes=[] if classes is None else [str(one) for one in range(int(classes.max()) + 1)],
        fingerprint=fingerprint(known, classes),
        n_rows=n,
    )
    return OwnSamples(reference, known, np.arange(n), classes, np.arange(n))


def _labels(labels: Any) -> Labels:
    values = np.asarray(labels.tolist() if hasattr(labels, "detach") else labels)
    if values.dtype.kind not in "iu" or values.ndim != 1 or (len(values) and values.min() < 0):
        raise CurateError("labels are not class numbers: give whole numbers from 0, one for each sample")
    return values.astype(np.int64)
