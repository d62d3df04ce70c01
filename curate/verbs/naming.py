"""Where a verb writes when the user does not say: names that tell what is inside."""

import re
from pathlib import Path


def stem(reference: str) -> str:
    """A short name for a dataset or a file: its last part, in safe characters."""
    last = reference.rstrip("/").replace(":", "/").rpartition("/")[2].partition("@")[0]
    bare = re.sub(r"\.(parquet|npz|npy|safetensors)$", "", last)
    return re.sub(r"[^A-Za-z0-9._]+", "-", bare).strip("-.") or "dataset"


def output_path(given: str | Path | None, default: str) -> Path:
    """The path the user gave, else the default in the working folder."""
    return Path(given) if given is not None else Path(default)
