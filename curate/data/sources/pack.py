"""pack: the decoded images of a dataset, as `curate pack` wrote them: a `.safetensors` file of one split."""

import os
from dataclasses import dataclass
from pathlib import Path

from curate.artifacts.kinds import is_pack, safetensors_metadata
from curate.data.packs import read_pack
from curate.data.source import Request, Samples


@dataclass(frozen=True)
class Pack:
    """A pack, by its path."""

    def accepts(self, reference: str) -> bool:
        is_file = reference.endswith(".safetensors") and os.path.isfile(reference)
        return is_file and is_pack(safetensors_metadata(Path(reference)))

    def samples(self, request: Request) -> Samples:
        return read_pack(Path(request.reference), request)
