"""Opening what lies in a folder or on the Hub: a manifest, or, by the same kind of name, a dataset."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from curate import hub
from curate.artifacts.files import as_path
from curate.errors import CurateError
from curate.manifests.loading import LoadedManifest
from curate.manifests.manifest import Manifest, open_manifest
from curate.progress import LOGGED, Progress
from curate.sharing.cache import fetched, is_remote, last_fetched
from curate.sharing.layout import parse

T = TypeVar("T")


def open_any(source: str | Path | Manifest, progress: Progress = LOGGED) -> Manifest:
    """The manifest in a folder or at `hf:owner/name[/manifest][@v1]`, verified; an open one as it is."""
    if isinstance(source, Manifest):
        return source
    if not isinstance(source, str | Path):
        source = as_path(source, "manifest")
    return fetched(str(source), progress) if is_remote(source) else open_manifest(source)


def open_remote(reference: str, of_dataset: Callable[[], T], progress: Progress = LOGGED) -> Manifest | T:
    """What lies at `hf:owner/name`: what `of_dataset` makes of a dataset, or else a manifest.

    Out of reach, it is what was fetched before.
    """
    try:
        if parse(reference).manifest:
            return open_any(reference, progress)
        return of_dataset()
    except hub.NotThereError:
        raise
    except hub.UnreachableError as problem:
        try:
            return last_fetched(reference)
        except CurateError:
            raise problem from None
    except CurateError as problem:
        try:
            return fetched(reference, progress)
        except CurateError:
            raise problem from None


def load_manifest(source: str | Path) -> LoadedManifest:
    """Open a manifest, verified, for use with torch, datasets or WebDataset.

    `source` is its folder, or where it lies on the Hub: `hf:owner/name`, `hf:owner/name/manifest@v1`.
    """
    return LoadedManifest(open_any(source))
