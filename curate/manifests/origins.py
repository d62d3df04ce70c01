"""Where well-known datasets come from, and under which licence: for the card of a manifest.

Only what their own pages say; `None` where they say nothing, and the user may know better.
"""

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Origin:
    """The page of a dataset, and the Hub's identifier of its licence, where they are known."""

    link: str | None = None
    licence: str | None = None


_REPOSITORY = re.compile(r"hf:[\w.-]+/[\w.-]+(@[\w./-]+)?")
_KNOWN = {
    "digits": Origin(
        "https://archive.ics.uci.edu/dataset/80/optical+recognition+of+handwritten+digits", "cc-by-4.0"
    ),
    "mnist": Origin("https://huggingface.co/datasets/ylecun/mnist"),
    "fashion-mnist": Origin("https://github.com/zalandoresearch/fashion-mnist", "mit"),
    "kmnist": Origin("https://github.com/rois-codh/kmnist", "cc-by-sa-4.0"),
    "emnist": Origin("https://www.nist.gov/itl/products-and-services/emnist-dataset"),
    "cifar10": Origin("https://www.cs.toronto.edu/~kriz/cifar.html"),
    "cifar100": Origin("https://www.cs.toronto.edu/~kriz/cifar.html"),
    "svhn": Origin("http://ufldl.stanford.edu/housenumbers/"),
    "stl10": Origin("https://cs.stanford.edu/~acoates/stl10/"),
}


def origin_of(reference: str) -> Origin:
    """What is known of the dataset with this reference; variants come from where their dataset comes from."""
    name = reference.partition("+")[0].rstrip("/").lower()
    if name.startswith("hf:") and _REPOSITORY.fullmatch(name):
        return Origin(f"https://huggingface.co/datasets/{name.removeprefix('hf:').partition('@')[0]}")
    return _KNOWN.get(name.rpartition("/")[2].replace("_", "-"), Origin())
