"""Which datasets are opened because an artifact names them: built-in ones, and those the user opened before.

An artifact of somebody else may name any folder, file or repository that the user can read. It is followed
where the user has opened that very dataset under that name; `opened.txt` in the cache has a line for each.
"""

import json
import os
from contextlib import suppress
from pathlib import Path

from curate import finder
from curate.artifacts.cache import cache_folder
from curate.errors import CurateError

_BUILT_IN = ("digits", "torchvision")  # sources whose names are no places
_FILE, _MOST_BYTES, _HASH = "opened.txt", 2**20, 16


def is_built_in(reference: str) -> bool:
    """Whether a reference is the name of a dataset, and of no place on this machine or elsewhere."""
    base = reference.partition("+")[0]
    source, colon, location = base.partition(":")
    if colon and source in _BUILT_IN:
        return bool(finder.make("sources", source).accepts(location))
    return any(finder.make("sources", name).accepts(base) for name in _BUILT_IN)


def remember(reference: str, fingerprint: str) -> None:
    """Note that the user opened a dataset under this name; where nothing can be noted, it is left."""
    if is_built_in(reference):
        return
    there = os.path.exists(reference)
    names = [reference, *([os.path.abspath(reference)] if there and not os.path.isabs(reference) else [])]
    known = [_line(name, fingerprint) for name in names]
    lines = _lines()
    if all(line in lines for line in known):
        return
    with suppress(OSError):
        cache_folder().mkdir(parents=True, exist_ok=True)
        if sum(map(len, lines)) > _MOST_BYTES:
            _file().unlink()
        with open(_file(), "a", encoding="utf-8") as file:
            file.writelines(f"{line}\n" for line in known if line not in lines)


def is_followed(reference: str, fingerprint: str) -> bool:
    """Whether a name is built in, or the user opened these samples, or any where none are told, under it."""
    wanted = _line(reference, fingerprint)
    return is_built_in(reference) or any(line.endswith(wanted) for line in _lines())


def check_followed(reference: str, fingerprint: str, called: object, option: str = "--data") -> None:
    """Refuse to open what the artifact `called` so names, unless it is built in or was opened here before.

    Without a fingerprint (a test set), any dataset that was opened under the name will do.
    """
    if is_followed(reference, fingerprint):
        return
    if reference.endswith("()"):
        raise CurateError(
            f"{reference} was made by a file of somebody's, and a name in an artifact is not followed: name "
            f"the dataset yourself with {option}"
        )
    what = "its dataset" if option == "--data" else "a test set"
    raise CurateError(
        f"{called} names {what} {reference[:200]!r}, which was never opened here, and what a file names is "
        f"not opened unasked: name it with {option}"
    )


def known_place(fingerprint: str) -> str | None:
    """Where the user opened the very same samples under another name, where that is there still."""
    lines = _lines() if fingerprint else []
    places = [_place(line) for line in lines if line.startswith(f"{fingerprint[:_HASH]} ")]
    return next((place for place in places if place and os.path.isabs(place) and os.path.exists(place)), None)


def _place(line: str) -> str:
    try:
        return str(json.loads(line.partition(" ")[2]))
    except ValueError:
        return ""


def _line(reference: str, fingerprint: str) -> str:
    return f"{fingerprint[:_HASH]} {json.dumps(reference)}"


def _lines() -> list[str]:
    try:
        return _file().read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        return []


def _file() -> Path:
    return cache_folder() / _FILE
