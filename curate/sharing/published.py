"""What of a manifest is published: its header without the folders of this machine, sealed anew if it had any.

A path names its user and what else lies there. Of a dataset, a table or weights at a path, the own name of
the file or folder is published; names of the Hub and of built-in datasets stay as they are.
"""

import json
import re
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from curate.artifacts.header import Header, Step
from curate.artifacts.seal import UNSEALED, seal_file
from curate.manifests.manifest import HEADER

_PLACES = frozenset(
    ("test", "manifest", "scores", "weights", "from", "data", "model")
)  # options that name one
_IS_PATH = re.compile(r"[/~\\]|\.{1,2}/|[A-Za-z]:[\\/]|file:")


def without_folders(header: Header) -> Header:
    """The header with the own name of every path in it."""
    dataset = replace(
        header.dataset,
        reference=own_name(header.dataset.reference),
        skipped=[_shortened(name) for name in header.dataset.skipped],
    )
    return replace(
        header,
        dataset=dataset,
        options=_plain(header.options),
        lineage=tuple(
            Step(step.command, _plain(step.options), step.seed, step.cost) for step in header.lineage
        ),
        summary=_plain(header.summary),
    )


def published_header(header: Header, original: bytes) -> tuple[Header, bytes]:
    """The header as it is published, and manifest.json with it; `original` where nothing of it has to go."""
    clean = without_folders(header)
    if clean.to_json() == header.to_json():
        return header, original
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, HEADER)
        unsealed = replace(clean, sha256=UNSEALED).to_json()
        path.write_text(json.dumps(unsealed, indent=1, sort_keys=True) + "\n")
        return replace(clean, sha256=seal_file(path)), path.read_bytes()


def own_name(reference: str) -> str:
    """A reference without the folders it lies in: `photos+noise=0.1` for `/data/photos+noise=0.1`."""
    if reference.startswith("hf:"):
        return reference
    base, plus, variant = reference.partition("+")
    source, colon, location = base.rpartition(":")
    named = re.split(r"[/\\]", location.rstrip("/\\"))[-1] or "dataset"
    kind = f"{source}:" if colon and re.fullmatch(r"[a-z][a-z0-9-]+", source) else ""
    return kind + named + plus + variant


def _shortened(name: str) -> str:
    """A file in a dataset, by its class folder and its own name."""
    return "/".join(re.split(r"[/\\]", name)[-2:])


def _plain(options: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _without(value, name in _PLACES) for name, value in options.items()}


def _without(value: Any, names_place: bool = False) -> Any:
    """A value of an option with the own name of every path in it; `1/3` and `timm:a/b` are none."""
    if isinstance(value, Mapping):
        return _plain(value)
    if isinstance(value, list | tuple):
        return [_without(one, names_place) for one in value]
    if not isinstance(value, str) or value.startswith(("hf:", "timm:", "torchvision:")):
        return value
    return own_name(value) if _IS_PATH.match(value) or (names_place and "/" in value) else value
