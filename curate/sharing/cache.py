"""Manifests from the Hub: fetched whole, verified, and kept, so that they can be used again offline.

    CACHE/owner--name/refs.json            the commit that each revision was, when it was last seen
    CACHE/owner--name/COMMIT/NAME/         a manifest folder, complete: it is put there in one step

CACHE is $CURATE_CACHE, else curate/hub in $XDG_CACHE_HOME or ~/.cache. Nothing in a repository is run, and
nothing is believed before its hash, its sizes and its types have been checked.
"""

import json
import re
from pathlib import Path

from curate import hub
from curate.artifacts.cache import cache_folder
from curate.artifacts.files import atomic_file, atomic_folder
from curate.errors import CurateError, DamagedError
from curate.manifests.manifest import Manifest, open_manifest
from curate.progress import LOGGED, Progress
from curate.sharing.layout import CARD, PARTS, PICTURE, Address, names_in, parse

_COMMIT = re.compile(r"[0-9a-f]{40,64}")  # a folder in the cache is named by it
_MOST_BYTES = {"manifest.json": 16 * 2**20, "selection.parquet": 8 * 2**30, "samples.parquet": 8 * 2**30}
MOST_TALK = 8 * 2**20  # of a card or a picture


def is_remote(source: object) -> bool:
    """Whether this names a manifest on the Hub."""
    return isinstance(source, str) and source.startswith("hf:")


def fetched(reference: str, progress: Progress = LOGGED) -> Manifest:
    """The manifest at `hf:owner/name[/manifest][@revision]`, from the Hub or as last fetched from there."""
    address = parse(reference)
    root = cache_folder() / address.repository.replace("/", "--")
    if hub.is_offline():
        return _as_last_fetched(address, root, None)
    try:
        remote = hub.look(address.repository, address.revision, progress)
    except hub.UnreachableError as problem:
        earlier = _as_last_fetched(address, root, problem)
        progress.note(f"{problem}; using what was fetched before")
        return earlier
    if not _COMMIT.fullmatch(remote.commit):
        raise DamagedError(f"hf:{address.repository} names {remote.commit[:60]!r} as its commit: try again")
    name = _choose(address, names_in(remote))
    folder = root / remote.commit / name
    if not (folder / PARTS[0]).is_file():
        folder.parent.mkdir(parents=True, exist_ok=True)
        _fetch(remote, name, folder, progress)
    manifest = open_manifest(folder)
    _remember(root, address.revision or "main", remote.commit)
    return manifest


def last_fetched(reference: str) -> Manifest:
    """The manifest as last fetched, without asking the Hub."""
    address = parse(reference)
    return _as_last_fetched(address, cache_folder() / address.repository.replace("/", "--"), None)


def _fetch(remote: hub.Remote, name: str, folder: Path, progress: Progress) -> None:
    """Put a manifest into the cache, whole: sizes are looked at first, all else before the last step."""
    wanted = [part for part in (*PARTS, CARD, PICTURE) if f"{name}/{part}" in remote.files]
    for part in wanted:
        size, most = remote.files[f"{name}/{part}"].size, _MOST_BYTES.get(part, MOST_TALK)
        if size > most:
            raise DamagedError(
                f"hf:{remote.repository}: {name}/{part} has {size:,} bytes, more than {most:,}"
            )
    with atomic_folder(folder) as temporary:
        total = sum(remote.files[f"{name}/{part}"].size for part in wanted)
        with progress.task(f"fetch {name}", total, "bytes"):
            for part in wanted:
                hub.fetch(remote, f"{name}/{part}", temporary / part, progress)
                progress.advance(remote.files[f"{name}/{part}"].size)
        for part in wanted:
            if not remote.files[f"{name}/{part}"].holds(temporary / part):
                raise DamagedError(
                    f"hf:{remote.repository}: {name}/{part} is not what the Hub says: try again"
                )
        try:
            open_manifest(temporary)
        except CurateError as problem:
            text = str(problem).replace(str(temporary), f"hf:{remote.repository}/{name}")
            raise DamagedError(text) from None


def _as_last_fetched(address: Address, root: Path, why: CurateError | None) -> Manifest:
    """What was fetched before at this revision: the whole manifest, or an error."""
    revision = address.revision or "main"
    commit = _refs(root).get(revision, revision)
    there = root / commit
    known = bool(_COMMIT.fullmatch(commit)) and there.is_dir()
    names = sorted(path.name for path in there.iterdir() if path.is_dir()) if known else []
    if not names or (address.manifest and address.manifest not in names):
        raise hub.UnreachableError(
            f"{address} was not fetched before and the Hub is out of reach: connect, and try again"
        ) from why
    return open_manifest(there / _choose(address, names))


def _choose(address: Address, names: list[str]) -> str:
    """The manifest meant; where a repository has several, one has to be named."""
    if not names:
        raise CurateError(f"hf:{address.repository} has no manifest of curate: name one that has")
    if address.manifest:
        if address.manifest not in names:
            raise CurateError(
                f"hf:{address.repository} has no manifest '{address.manifest}': it has {', '.join(names)}"
            )
        return address.manifest
    if len(names) > 1:
        raise CurateError(
            f"hf:{address.repository} has {len(names)} manifests: name one, as in "
            f"{address.repository}/{names[0]} ({', '.join(names)})"
        )
    return names[0]


def _refs(root: Path) -> dict[str, str]:
    try:
        refs = json.loads((root / "refs.json").read_bytes())
    except (OSError, ValueError):
        return {}
    return refs if isinstance(refs, dict) else {}


def _remember(root: Path, revision: str, commit: str) -> None:
    refs = _refs(root)
    if refs.get(revision) != commit:
        with atomic_file(root / "refs.json", force=True) as temporary:
            temporary.write_text(json.dumps({**refs, revision: commit}, sort_keys=True))
