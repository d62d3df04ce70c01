"""parquet: images in Parquet, in the Hugging Face layout: a file, a glob, or a folder of files.

File names tell the splits (`train-00000-of-00002.parquet`); `parquet_images.py` says what a file looks like
inside.
"""

import glob
import os
from dataclasses import dataclass
from pathlib import Path

from curate.data.parquet_images import read_parquet
from curate.data.shards import kind_of_folder
from curate.data.source import Request, Samples


@dataclass(frozen=True)
class Parquet:
    """Parquet files, by path, glob or folder."""

    def accepts(self, reference: str) -> bool:
        path = Path(reference)
        if path.is_dir():
            return kind_of_folder(reference) == "parquet"
        return reference.endswith(".parquet") and (path.is_file() or bool(glob.glob(reference)))

    def samples(self, request: Request) -> Samples:
        files, top = _find_files(request.reference)
        return read_parquet(files, top, request)


def _find_files(reference: str) -> tuple[list[Path], Path]:
    """The files of a reference, and the folder below which folder names may tell splits."""
    path = Path(reference)
    if path.is_file():
        return [path], path.parent
    if path.is_dir():
        return sorted(path.rglob("*.parquet")), path
    files = sorted(map(Path, glob.glob(reference, recursive=True)))
    return files, Path(os.path.commonpath([file.parent for file in files]))
