"""parquet: images in Parquet, in the Hugging Face layout: a file, a glob, or a folder of files.

File names tell the splits (`train-00000-of-00002.parquet`); `parquet_images.py` says what a file looks like
inside.
"""

from dataclasses import dataclass

from curate.data.parquet_images import read_parquet
from curate.data.shards import files_of, is_of_kind
from curate.data.source import Request, Samples


@dataclass(frozen=True)
class Parquet:
    """Parquet files, by path, glob or folder."""

    def accepts(self, reference: str) -> bool:
        return is_of_kind(reference, "parquet")

    def samples(self, request: Request) -> Samples:
        files, top = files_of(request.reference, "parquet")
        return read_parquet(files, top, request)
