"""Names: where a verb writes when the user does not say, and whose option it is that the user sets."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from curate import finder, outside
from curate.data.dataset import Options
from curate.errors import CurateError
from curate.selection.budget import in_shares

_LONGEST = 48  # letters of what was asked beside the usual


def stem(reference: str) -> str:
    """A short name for a dataset or a file: its last part, in safe characters; of a glob, the folder."""
    reference = re.sub(r"/[^/]*[*?[].*", "", reference)
    last = reference.rstrip("/").replace(":", "/").rpartition("/")[2].partition("@")[0]
    bare = re.sub(r"\.(parquet|npz|npy|safetensors|tar)$", "", last)
    return re.sub(r"[^A-Za-z0-9._]+", "-", bare).strip("-.") or "dataset"


def name_of(subject: str, *parts: str, opening: Options | None = None, seed: int = 0) -> str:
    """A name that tells apart what differs: subject, how its images are opened, the parts, and the seed.

    What is as usual is left out, and so are parts that are empty.
    """
    opened = _opened(opening) if opening else []
    return "-".join(filter(None, [stem(subject), *opened, *parts, f"seed-{seed}" if seed else ""]))


def _opened(opening: Options) -> list[str]:
    """What the user asked of the images that is not usual."""
    return [
        opening.split if opening.split != "train" else "",
        f"{opening.image_size}px" if opening.image_size else "",
        {1: "grey", 3: "colour"}.get(opening.channels or 0, ""),
        opening.image_column or "",
        opening.label_column or "",
    ]


def model_in_words(model: str) -> str:
    """A model as part of a name: torchvision:resnet18 is not the resnet18 of curate."""
    library, colon, _ = model.partition(":")
    return f"{library}-{stem(model)}" if colon and library in finder.LIBRARIES else stem(model)


def told(options: Mapping[str, Any]) -> str:
    """What was asked beside all that, as part of a name: `lr-0.01-period-2`, and where it is long a hash.

    What is None, False or empty was not asked.
    """
    given = {name: value for name, value in options.items() if value is not None and value is not False}
    words = [_in_words(name, value) for name, value in given.items() if value not in ("", {}, [])]
    text = re.sub(r"[^A-Za-z0-9.]+", "-", "-".join(words)).strip("-")
    return text if len(text) <= _LONGEST else hashlib.sha256(text.encode()).hexdigest()[:8]


def _in_words(name: str, value: Any) -> str:
    if isinstance(value, str) and "/" in value and not re.fullmatch(r"[\d./]+", value):
        value = stem(value)  # a path
    return name if value is True else f"{name}-{value:g}" if isinstance(value, float) else f"{name}-{value}"


def public(reference: str) -> str:
    """A dataset without its place on this machine: `mnist+noise=0.1` for `/data/mnist+noise=0.1`."""
    base, plus, variant = reference.partition("+")
    return base.rstrip("/").rpartition("/")[2] + plus + variant


def keep_in_words(keep: str | float | int) -> str:
    """What is kept, as part of a name: `0.2:0.6` is 0.2-to-0.6, `1/3` is 1-of-3, `.30` is 0.3."""
    return "-to-".join(map(_share_in_words, in_shares(keep).split(":")))


def _share_in_words(share: str) -> str:
    if re.fullmatch(r"\d*\.\d+|\d+\.\d*", share):
        return format(Decimal(share).normalize(), "f")
    return share.replace("/", "-of-")


def in_epochs(n_epochs: int | None) -> str:
    """How long a run was asked to be, as part of a name; empty where it was not said."""
    return "" if n_epochs is None else f"{n_epochs}-epochs"


def amount_and_more(hyperparameters: Mapping[str, Any] | None, beside: Mapping[str, Any]) -> list[str]:
    """Epochs, and what else was asked of a training, as parts of a name."""
    asked = dict(hyperparameters or {})
    epochs = [asked.pop(name, None) for name in ("n_epochs", "epochs")]
    return [in_epochs(next(filter(None, epochs), None)), told({**asked, **beside})]


def output_path(given: str | Path | None, default: str) -> Path:
    """The path the user gave, else the default in the working folder."""
    return Path(given) if given is not None else Path(default)


def origins(**names: str) -> dict[str, Any]:
    """Where methods from outside come from, for a header: by kind, and nothing of curate's own."""
    found = {kind: outside.origin(kind, name) for kind, name in names.items()}
    outsiders = {kind: origin for kind, origin in found.items() if origin}
    return {"outside": outsiders} if outsiders else {}


def share_out(options: Mapping[str, Any], methods: Sequence[tuple[str, str]]) -> list[dict[str, Any]]:
    """The options that belong to each method (kind, name), told by their names; to the last that has one."""
    own = [finder.option_names(finder.load(kind, name)) for kind, name in methods]
    shared: list[dict[str, Any]] = [{} for _ in methods]
    for option, value in options.items():
        having = [place for place, names in enumerate(own) if option.replace("-", "_") in names]
        if not having:
            called = [f"{finder.KINDS[kind].label} {name}" for kind, name in methods]
            who = f"neither {' nor '.join(called)} has an" if len(called) > 1 else f"{called[0]} has no"
            known = [name for names in reversed(own) for name in names]
            raise CurateError(f"{who} option '{option}': {finder.nearest(option, known)}")
        shared[having[-1]][option] = value
    return shared
