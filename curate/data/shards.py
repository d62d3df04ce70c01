"""What kind of files a folder holds, below it as well: images, Parquet, or tar shards."""

import glob
import os
from functools import lru_cache
from pathlib import Path

from curate.data.listing import SUFFIXES


def kind_of_folder(folder: str) -> str:
    """`parquet` where any file is; else `images` where any is one; else `tar`; empty for none of these.

    All names are looked at, and none of the files.
    """
    return _kind(folder, tuple(_times(folder)))


def is_of_kind(reference: str, kind: str) -> bool:
    """Whether a reference is a file, a glob or a folder of files that end in `kind`."""
    if os.path.isdir(reference):
        return kind_of_folder(reference) == kind
    return reference.endswith(f".{kind}") and (os.path.isfile(reference) or bool(glob.glob(reference)))


def files_of(reference: str, kind: str) -> tuple[list[Path], Path]:
    """The files of a reference in order, and the folder below which folder names may tell splits."""
    path = Path(reference)
    if path.is_file():
        return [path], path.parent
    if path.is_dir():
        return sorted(path.rglob(f"*.{kind}")), path
    files = sorted(map(Path, glob.glob(reference, recursive=True)))
    return files, Path(os.path.commonpath([file.parent for file in files]))


def place_of(reference: str, top: Path) -> str:
    """Where the files of a reference lie, as one text for a file, a glob or a folder: what an index is of."""
    is_own = os.path.exists(reference) or bool(glob.has_magic(reference))
    return os.path.realpath(reference if is_own else top)


@lru_cache(maxsize=64)
def _kind(folder: str, _: tuple[tuple[str, int], ...]) -> str:
    found = set()
    for _parent, _folders, names in os.walk(folder):
        endings = {ending.lower() for ending in {name[name.rfind(".", 1) :] for name in names}}
        if ".parquet" in endings:
            return "parquet"
        found |= {"images"} if endings & SUFFIXES else set()
        found |= {"tar"} if ".tar" in endings else set()
    return "images" if "images" in found else "tar" if found else ""


def _times(folder: str) -> list[tuple[str, int]]:
    """When a folder and those in it were changed: what the kind is remembered by."""
    try:
        inner = [entry.path for entry in os.scandir(folder) if entry.is_dir()]
        return [(path, os.stat(path).st_mtime_ns) for path in [folder, *sorted(inner)]]
    except OSError:
        return []
