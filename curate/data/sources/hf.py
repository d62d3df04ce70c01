"""hf: a Parquet dataset on the Hugging Face Hub, `hf:owner/name` or `hf:owner/name@revision`.

Only Parquet files are fetched, into the Hub's own cache; code in the repository is never run.
"""

from dataclasses import dataclass

from curate import hub
from curate.data.parquet_images import read_parquet
from curate.data.source import Request, Samples
from curate.errors import CurateError


@dataclass(frozen=True)
class Hf:
    """A dataset repository on the Hub."""

    def accepts(self, reference: str) -> bool:
        return reference.startswith("hf:")

    def samples(self, request: Request) -> Samples:
        repository, _, revision = request.reference.partition("@")
        if repository.count("/") != 1:
            raise CurateError(f"hf:{repository} names no dataset: use hf:owner/name")
        folder = hub.fetch_parquet(repository, revision or None)
        return read_parquet(sorted(folder.rglob("*.parquet")), folder, request)
