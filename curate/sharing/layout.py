"""Manifests in a dataset repository on the Hub: what is sent, the front page, and where each lies.

    README.md                  the front page: the cards of all manifests, under one YAML head
    NAME/manifest.json         as in the folder, with its seal
    NAME/selection.parquet     what to train on; the viewer shows it as NAME-selection
    NAME/samples.parquet       every sample; NAME-samples
    NAME/histogram.png         a picture for the card
    NAME/README.md             the card of this manifest

Only indices, uids, labels and scores travel: no weights, no metrics, no trace, and never an image.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from curate import hub
from curate.artifacts.header import Header, cost_of
from curate.errors import CurateError
from curate.manifests.card import about, head_of, size_category
from curate.manifests.manifest import HEADER, SAMPLES, SELECTION, Manifest
from curate.manifests.origins import Origin
from curate.sharing.picture import histogram_png

CARD, PICTURE = "README.md", "histogram.png"
PARTS = (HEADER, SELECTION, SAMPLES)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}")
_REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")


@dataclass(frozen=True)
class Address:
    """`hf:owner/name[/manifest][@revision]`, taken apart."""

    repository: str
    manifest: str | None = None
    revision: str | None = None

    def __str__(self) -> str:
        manifest = f"/{self.manifest}" if self.manifest else ""
        return f"hf:{self.repository}{manifest}" + (f"@{self.revision}" if self.revision else "")


def parse(reference: str) -> Address:
    """An address from what the user wrote, with or without `hf:`."""
    place, _, revision = reference.removeprefix("hf:").partition("@")
    owner, _, rest = place.partition("/")
    name, _, manifest = rest.partition("/")
    repository = f"{owner}/{name}"
    if not _REPOSITORY.fullmatch(repository) or (manifest and not _NAME.fullmatch(manifest)):
        raise CurateError(
            f"{reference} is no place on the Hub: use owner/name for a repository, and "
            "owner/name/MANIFEST@v1 for a manifest in it"
        )
    return Address(repository, manifest or None, revision or None)


def check_name(name: str) -> str:
    """A manifest's name in a repository: a folder in it."""
    if not _NAME.fullmatch(name):
        raise CurateError(f"'{name}' cannot be a manifest's name on the Hub: use letters, digits, . _ and -")
    return name


def names_in(remote: hub.Remote) -> list[str]:
    """The manifests in a repository; paths that leave their folder are an error, whatever they hold."""
    for path in remote.files:
        parts = path.split("/")
        if not path or path.startswith("/") or "\\" in path or "\0" in path or {"", ".", ".."} & set(parts):
            raise CurateError(f"hf:{remote.repository} has a path that leaves its folder ({path!r})")
    folders = {path.removesuffix(f"/{HEADER}") for path in remote.files if path.endswith(f"/{HEADER}")}
    return sorted(
        name
        for name in folders
        if _NAME.fullmatch(name) and all(f"{name}/{part}" in remote.files for part in PARTS)
    )


def files_of(
    manifest: Manifest,
    name: str,
    address: Address,
    origin: Origin,
    results: Mapping[str, Any] | None,
) -> dict[str, hub.Content]:
    """What is sent of a manifest, by path in the repository."""
    card = about(
        name,
        manifest.header,
        manifest.samples,
        address=str(Address(address.repository, name, address.revision)),
        origin=origin,
        results=results,
        picture=f"{name}/{PICTURE}",
    )
    files: dict[str, hub.Content] = {f"{name}/{part}": manifest.path / part for part in PARTS}
    return files | {f"{name}/{PICTURE}": histogram_png(manifest), f"{name}/{CARD}": card.encode()}


def front_page(repository: str, headers: Mapping[str, Header], cards: Sequence[str], origin: Origin) -> bytes:
    """README.md of a repository: one YAML head for all of its manifests, and their cards one by one."""
    configs = [
        (f"{name}-{part.removesuffix('.parquet')}", f"{name}/{part}")
        for name in headers
        for part in (SELECTION, SAMPLES)
    ]
    listed = [entry_of(name, header) for name, header in headers.items()]
    largest = max(header.dataset.n for header in headers.values())
    head = head_of(repository.partition("/")[2], configs, size_category(largest), origin.licence)
    body = "\n".join([*head[:-1], f"curate: {json.dumps(listed)}", "---", *cards])
    return (body.rstrip() + "\n").encode()


def entry_of(name: str, header: Header) -> dict[str, Any]:
    """What `list` shows of a manifest: name, dataset, keep, policy or strategy, accuracy and cost."""
    summary = header.summary
    entry = {
        "name": name,
        "dataset": header.dataset.reference.rpartition("/")[2],
        "keep": summary["keep"],
        "policy": summary.get("strategy") or summary.get("policy", ""),
        "n_epochs": summary["n_epochs"],
    }
    if summary.get("test_accuracy") is not None:
        entry["test_accuracy"] = round(summary["test_accuracy"], 4)
    seconds, _ = cost_of(header.lineage)
    return entry | ({"scoring_seconds": round(seconds, 1)} if seconds else {})
