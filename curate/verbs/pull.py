"""pull: a manifest from the Hugging Face Hub into a folder, verified; and what an owner has published."""

import shutil
from pathlib import Path
from typing import Any

from curate import hub
from curate.artifacts.files import atomic_folder, check_output_folder, clear_up
from curate.artifacts.kinds import MANIFEST
from curate.artifacts.standing import header_of, note_standing
from curate.errors import CurateError
from curate.manifests.manifest import Manifest, open_manifest
from curate.progress import LOGGED, Progress
from curate.sharing.cache import fetched


def pull(
    reference: str, *, output: str | Path | None = None, force: bool = False, progress: Progress = LOGGED
) -> Manifest:
    """Fetch `owner/name[/manifest][@revision]`, check it, and write it to a folder; returns it, opened.

    Every hash, schema and size is checked before anything is read. A manifest fetched before is used when
    the Hub is out of reach.
    """
    if output is not None and not (Path(output) / MANIFEST).is_file():
        check_output_folder(Path(output), force)
    manifest = fetched(reference, progress)
    path = Path(output) if output is not None else Path(manifest.path.name)
    clear_up(path)
    if not force and _is_there(path, manifest):
        note_standing(path, progress)
        return open_manifest(path)
    with atomic_folder(path, force) as temporary:
        for file in manifest.path.iterdir():
            shutil.copyfile(file, temporary / file.name)
    return open_manifest(path)


def _is_there(path: Path, manifest: Manifest) -> bool:
    """Whether a folder is this very manifest, all its files with it; its card may have been edited."""
    there = header_of(path)
    files = {file.name for file in manifest.path.iterdir()}
    return (
        there is not None
        and there.get("sha256") == manifest.header.sha256
        and files <= {file.name for file in path.iterdir()}
    )


def published(owner: str, progress: Progress = LOGGED) -> list[dict[str, Any]]:
    """The manifests that an owner has published: repository, name, dataset, keep, policy, test accuracy.

    They are told by our tag and by what their cards say; a card that says nothing usable is left out.
    """
    if not owner or "/" in owner:
        raise CurateError(f"'{owner}' is no owner: use the name of a user or an organization on the Hub")
    manifests: list[dict[str, Any]] = []
    for one in hub.search(owner, progress):
        entries = one["card"].get("curate")  # which claims what it likes
        manifests += [
            {**entry, "repository": one["repository"], "private": one["private"]}
            for entry in (entries if isinstance(entries, list) else [])
            if isinstance(entry, dict) and isinstance(entry.get("name"), str)
        ]
    return sorted(manifests, key=lambda entry: (entry["repository"], entry["name"]))
