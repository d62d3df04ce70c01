"""What is wrong between a training set and its test set, or inside the training set; counted, and said.

A test image that is also trained on says little of the network. One image under several labels cannot be
learned. A class that is tested and never trained on is lost beforehand.
"""

from dataclasses import dataclass

import numpy as np

from curate.data.dataset import Dataset


@dataclass(frozen=True)
class Overlap:
    """`n_shared` test samples have an image of the training set; `n_ambiguous` training samples have an image
    that is there under another label as well; `untrained` names the classes with test samples alone.
    """

    n_shared: int
    n_ambiguous: int
    untrained: list[str]

    def warnings(self, data: Dataset, test: Dataset | None) -> list[str]:
        """What to tell the user, each with its remedy."""
        said = []
        if self.n_shared and test is not None:
            said.append(
                f"{self.n_shared:,} of the {len(test):,} test images are training images of "
                f"{data.reference} as well, so accuracies say little: name another test set with --test"
            )
        if self.n_ambiguous:
            said.append(
                f"{self.n_ambiguous:,} samples of {data.reference} have an image that is there under several "
                "labels: correct the labels, or drop those samples"
            )
        if self.untrained:
            names = ", ".join(self.untrained[:5]) + (", ..." if len(self.untrained) > 5 else "")
            said.append(
                f"{len(self.untrained):,} classes of the test set have no training samples ({names}): add "
                "some, or test on the others with --test"
            )
        return said


def overlap(data: Dataset, test: Dataset | None) -> Overlap:
    """Compare a training set with its test set by uid; both have labels, numbered alike."""
    present = data.present
    uids, labels = data.uids[present], data.need_labels("training")[present]
    untrained: list[str] = []
    n_shared = 0
    if test is not None:
        n_shared = int(np.isin(test.uids, uids).sum())
        n_classes = len(data.classes)
        trained = np.bincount(labels, minlength=n_classes)
        tested = np.bincount(test.need_labels("testing"), minlength=n_classes)
        untrained = [data.classes[number] for number in np.flatnonzero((tested > 0) & (trained == 0))]
    return Overlap(n_shared, ambiguous(uids, labels), untrained)


def ambiguous(uids: np.ndarray, labels: np.ndarray) -> int:
    """How many samples have an image that is there under another label as well."""
    order = np.lexsort((labels, uids))
    ordered, of = uids[order], labels[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    lengths = np.diff(np.r_[starts, len(ordered)])
    differs = np.minimum.reduceat(of, starts) != np.maximum.reduceat(of, starts)
    return int(lengths[differs].sum())
