"""Seals: the hash by which an artifact is verified, and by which its children remember it.

The field `sha256` of a header is the hash of the whole file with zeros in the place of the seal itself. It is
checked before anything else is read.
"""

import hashlib
import re
from pathlib import Path

from curate.errors import DamagedError

UNSEALED = "0" * 64
_SEAL = re.compile(rb'\\?"sha256\\?": ?\\?"([0-9a-f]{64})')
_HEADER_BYTES = 16 * 2**20
_HASH_BYTES = 2**24


def seal_file(path: Path) -> str:
    """Put the seal into a file written with `UNSEALED` as the `sha256` of its header; returns it."""
    place, _ = _find_seal(path)
    seal = _hash_with_zeros_at(path, place)
    with path.open("r+b") as file:
        file.seek(place)
        file.write(seal.encode())
    return seal


def check_seal(path: Path) -> None:
    """Refuse a file of which a single byte is not what was written."""
    place, seal = _find_seal(path)
    if _hash_with_zeros_at(path, place) != seal:
        raise DamagedError(
            f"{path} is damaged: its content does not match its sha256; make it again or copy it anew"
        )


def _find_seal(path: Path) -> tuple[int, str]:
    """Where in a file its seal is, and what it says: near its start, or in its footer in Parquet."""
    size = path.stat().st_size
    with path.open("rb") as file:
        start = 0
        if file.read(4) == b"PAR1":
            file.seek(max(0, size - 8))
            start = max(0, size - 8 - int.from_bytes(file.read(4), "little"))
        file.seek(start)
        match = _SEAL.search(file.read(_HEADER_BYTES))
        if match:
            return start + match.start(1), match[1].decode()
    raise DamagedError(f"{path} is damaged: it has lost its seal; make it again or copy it anew")


def _hash_with_zeros_at(path: Path, place: int) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        digest.update(file.read(place))
        digest.update(UNSEALED.encode())
        file.seek(place + len(UNSEALED))
        while part := file.read(_HASH_BYTES):
            digest.update(part)
    return digest.hexdigest()


def file_sha256(path: Path) -> str:
    """sha256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
