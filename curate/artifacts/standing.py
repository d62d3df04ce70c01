"""What stands already: the output of the very command that is about to run, which need not be made again.

A killed pipeline is started anew, and its first commands have finished. What they wrote is known by its
header: the same command with the same options made it of the same things, with the same versions on as many
threads.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from curate.artifacts.files import check_output, clear_up
from curate.artifacts.header import Header
from curate.artifacts.header_schema import parsed
from curate.artifacts.kinds import header_at, safetensors_metadata
from curate.errors import CurateError
from curate.progress import Progress

_SAME = ("kind", "command", "options", "seed", "dataset", "parents", "lineage", "versions", "n_threads")


def check_free(path: Path, force: bool, command: str) -> None:
    """Refuse an output that exists, unless `command` made it: `stands` tells later whether it is the one."""
    clear_up(path)
    if force or (header_of(path) or {}).get("command") != command:
        check_output(path, force)


def stands(path: Path, header: Mapping[str, Any]) -> bool:
    """Whether what lies at a path has this header, as plain JSON, but for what is known only in the end."""
    found, wanted = header_of(path), json.loads(json.dumps(header))
    return found is not None and all(found.get(name) == wanted.get(name) for name in _SAME)


def same_of(header: Header) -> dict[str, Any]:
    """What a header says of what is made, of which, and how; not what is known only in the end."""
    plain = header.to_json()
    return {name: plain.get(name) for name in _SAME}


def note_standing(path: Path, progress: Progress) -> None:
    """Say that the output stands already."""
    progress.note(f"{path} is there already, made by this very command")


def header_of(path: Path) -> dict[str, Any] | None:
    """The header of an artifact as plain JSON; None where there is none, or nothing."""
    try:
        if path.suffix == ".safetensors" and path.is_file():
            text = safetensors_metadata(path).get("curate")
            header = parsed(text) if isinstance(text, str) else None
        else:
            header = header_at(path) if path.exists() else None
    except (OSError, ValueError, CurateError):
        return None
    is_one = isinstance(header, dict) and isinstance(header.get("options"), dict)
    return header if is_one else None
