"""tar: images in tar shards, as WebDataset has them: a `.tar` file, a glob, or a folder of shards.

File names tell the splits (`train-000.tar`); `tar_images.py` says what an archive looks like inside. Nothing
is unpacked.
"""

from dataclasses import dataclass

from curate.data.shards import files_of, is_of_kind
from curate.data.source import Request, Samples
from curate.data.tar_images import read_tar


@dataclass(frozen=True)
class Tar:
    """Tar shards, by path, glob or folder."""

    def accepts(self, reference: str) -> bool:
        return is_of_kind(reference, "tar")

    def samples(self, request: Request) -> Samples:
        files, top = files_of(request.reference, "tar")
        return read_tar(files, top, request)
