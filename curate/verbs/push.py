"""push: publish a manifest on the Hugging Face Hub, in one commit, and name it with a tag."""

import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from curate import hub
from curate.artifacts.header import Header, read_header
from curate.artifacts.header_schema import MOST_BYTES
from curate.artifacts.results import read_results
from curate.artifacts.seal import check_seal
from curate.errors import CurateError, DamagedError
from curate.manifests.manifest import HEADER, Manifest, open_manifest
from curate.manifests.origins import Origin, origin_of
from curate.progress import LOGGED, Progress
from curate.sharing.cache import MOST_TALK
from curate.sharing.layout import CARD, Address, check_name, files_of, front_page, names_in, parse
from curate.sharing.published import published_header
from curate.verbs.outcomes import replay_in

_TRIES = 3


@dataclass(frozen=True)
class Pushed:
    """What `push` published, or would: sizes in bytes by path, and which of the files were sent.

    `commit` is None for a dry run.
    """

    address: str
    page: str
    commit: str | None
    sizes: dict[str, int]
    sent: list[str]


def push(
    folder: str | Path | Manifest,
    repository: str,
    *,
    name: str | None = None,
    private: bool = False,
    tag: str | None = None,
    message: str | None = None,
    results: str | Path | None = None,
    licence: str | None = None,
    link: str | None = None,
    dry_run: bool = False,
    progress: Progress = LOGGED,
) -> Pushed:
    """Publish the manifest in `folder`, or an open one, as `name` in the dataset repository `owner/name`.

    The repository is made where there is none, `private` if so asked. Files that are there already are not
    sent again; what changed goes into one commit on top of the last one, which is refused if someone else was
    faster. Then the commit is named `tag`. `results` is the file that `curate replay` wrote, for the card;
    `licence` and `link` are those of the source dataset, where curate does not know them. `dry_run` sends
    and asks nothing.
    """
    address = parse(repository)
    if address.manifest or address.revision:
        raise CurateError(f"{repository} names more than a repository: use owner/name, and --name and --tag")
    manifest = open_manifest(folder.path if isinstance(folder, Manifest) else folder)
    called = check_name(name or manifest.path.absolute().name)
    known = origin_of(str(manifest.header.dataset.reference))
    origin = Origin(link or known.link, licence or known.licence)
    accuracies = _results(results, manifest) if results else None
    at = Address(address.repository, called, tag)
    header, sealed = published_header(manifest.header, (manifest.path / HEADER).read_bytes())
    if header != manifest.header:
        progress.note(
            "what is published names no path of this machine, and so has a seal of its own: "
            f"{header.sha256[:12]}, where that of {manifest.path} is {manifest.header.sha256[:12]}"
        )
    manifest = replace(manifest, header=header)
    files = files_of(manifest, called, at, origin, accuracies) | {f"{called}/{HEADER}": sealed}
    if dry_run:
        files |= _front(address.repository, {called: manifest.header}, {called: files}, origin)
        sizes = {path: _size(content) for path, content in files.items()}
        return Pushed(str(at), hub.address(address.repository), None, sizes, sorted(files))
    remote = _repository(address.repository, private, progress)
    for left in range(_TRIES - 1, -1, -1):
        files |= _with_others(remote, called, manifest.header, files, origin, progress)
        changed = {
            path: content
            for path, content in files.items()
            if path not in remote.files or not remote.files[path].holds(content)
        }
        if not changed:
            commit = remote.commit
            break
        try:
            commit = hub.commit(remote, changed, message or f"{called}: {_summary(manifest)}", progress)
            break
        except hub.UnreachableError as problem:
            # It may have arrived all the same: look again before it is sent again.
            if left == 0:
                raise
            progress.note(f"{problem}; looking again ({left} more)")
            hub.pause(_TRIES - 1 - left)
            remote = hub.look(address.repository, None, progress)
    if tag:
        hub.tag(address.repository, tag, commit, progress)
    sizes = {path: _size(content) for path, content in files.items()}
    return Pushed(str(at), hub.address(address.repository), commit, sizes, sorted(changed))


def _repository(repository: str, private: bool, progress: Progress) -> hub.Remote:
    """The repository to publish in, made where there is none."""
    try:
        remote = hub.look(repository, None, progress)
    except hub.NotThereError:
        hub.create(repository, private, progress)
        return hub.look(repository, None, progress)
    if private and not remote.private:
        raise CurateError(
            f"hf:{repository} is public already: leave out --private, or name another repository"
        )
    return remote


def _with_others(
    remote: hub.Remote,
    name: str,
    header: Header,
    files: Mapping[str, hub.Content],
    origin: Origin,
    progress: Progress,
) -> dict[str, hub.Content]:
    """The front page, which shows the manifests that are there already as well."""
    headers, cards = {name: header}, {name: files}
    for other in names_in(remote):
        if other == name:
            continue
        try:
            headers[other], card = _neighbour(remote, other, progress)
        except hub.UnreachableError:
            raise
        except CurateError as problem:  # of somebody else's: it neither stops this one, nor is it shown
            progress.note(f"{other} is left out of the front page: {problem}")
            continue
        cards[other] = {f"{other}/{CARD}": card}
    return _front(remote.repository, headers, cards, origin)


def _neighbour(remote: hub.Remote, name: str, progress: Progress) -> tuple[Header, bytes]:
    """The header and the card of another manifest in a repository."""
    called = f"hf:{remote.repository}/{name}/{HEADER}"
    with tempfile.TemporaryDirectory() as folder:
        path, card = Path(folder, HEADER), Path(folder, CARD)
        for part, most in ((HEADER, MOST_BYTES), (CARD, MOST_TALK)):
            there = remote.files.get(f"{name}/{part}")
            if there is not None and there.size > most:
                raise DamagedError(f"hf:{remote.repository}/{name}/{part} has {there.size:,} bytes")
        hub.fetch(remote, f"{name}/{HEADER}", path, progress)
        header = read_header(path.read_bytes(), Path(called), ("manifest",))
        check_seal(path)
        if f"{name}/{CARD}" in remote.files:
            hub.fetch(remote, f"{name}/{CARD}", card, progress)
        text = card.read_bytes() if card.is_file() else b""
    try:
        text.decode()
    except UnicodeDecodeError:
        raise DamagedError(f"hf:{remote.repository}/{name}/{CARD} is no text") from None
    return header, text


def _front(
    repository: str,
    headers: Mapping[str, Header],
    cards: Mapping[str, Mapping[str, hub.Content]],
    origin: Origin,
) -> dict[str, hub.Content]:
    in_order = {name: headers[name] for name in sorted(headers)}
    texts = []
    for name in in_order:
        content = cards[name][f"{name}/{CARD}"]
        assert isinstance(content, bytes)
        texts.append(content.decode())
    return {CARD: front_page(repository, in_order, texts, origin)}


def _results(path: str | Path, manifest: Manifest) -> Mapping[str, Any]:
    """What a replay of this very manifest found: its results file, or what it printed as JSON."""
    if Path(path).suffix == ".parquet":
        return replay_in(read_results(path), manifest, path)
    try:
        printed = json.loads(Path(path).read_bytes())
    except (OSError, ValueError):
        raise CurateError(f"{path} holds no results: name the file that `curate replay` wrote") from None
    if not isinstance(printed, dict) or "runs" not in printed or "manifest_sha256" not in printed:
        raise CurateError(f"{path} holds no results: name the file that `curate replay` wrote")
    if printed["manifest_sha256"] != manifest.header.sha256:
        raise CurateError(f"{path} is of another manifest than {manifest.path}: replay this one")
    return printed


def _summary(manifest: Manifest) -> str:
    summary = manifest.header.summary
    return f"{summary['n_selected_per_epoch']:,.0f} of {manifest.n:,} samples"


def _size(content: hub.Content) -> int:
    return len(content) if isinstance(content, bytes) else content.stat().st_size
