"""Where curate keeps what it can make or fetch again."""

import os
from pathlib import Path


def cache_folder() -> Path:
    """$CURATE_CACHE, else curate/hub in $XDG_CACHE_HOME or ~/.cache."""
    given = os.environ.get("CURATE_CACHE")
    if given:
        return Path(given)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "curate" / "hub"
