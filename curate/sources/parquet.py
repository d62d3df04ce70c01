"""Images in Parquet, in the Hugging Face layout: a file, a glob, or a folder of files.

File names tell the splits (`train-00000-of-00002.parquet`); records.py's neighbour
`parquet_images.py` says what a file looks like inside.
"""

import glob
from dataclasses import dataclass
from pathlib import Path

from curate.parquet_images import read_parquet
from curate.records import Records, Request


@dataclass(frozen=True)
class Parquet:
    """Parquet files, by path, glob or folder."""

    def accepts(self, reference: str) -> bool:
        path = Path(reference)
        if path.is_dir():
            return any(path.rglob("*.parquet"))
        return reference.endswith(".parquet") and (path.is_file() or bool(glob.glob(reference)))

    def records(self, request: Request) -> Records:
        return read_parquet(_find_files(request.reference), request)


def _find_files(reference: str) -> list[Path]:
    path = Path(reference)
    found = path.rglob("*.parquet") if path.is_dir() else map(Path, glob.glob(reference, recursive=True))
    return [path] if path.is_file() else sorted(found)
