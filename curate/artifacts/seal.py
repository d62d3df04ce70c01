"""Seals: the hash by which an artifact is verified, and by which its children remember it.

The field `sha256` of a header is the hash of the whole file with zeros in the place of the seal itself. It is
checked before anything else is read.
"""

import hashlib
import json
import re
from pathlib import Path

from curate.errors import DamagedError

UNSEALED = "0" * 64
_SEAL = re.compile(rb'"([0-9a-f]{64})"')
_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"|[{}\[\],:]', re.DOTALL)
_MOST_HEADER = 100 * 2**20
_HASH_BYTES = 2**20


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
    """Where in a file its seal is, and what it says: the field `sha256` of its header, and no other."""
    try:
        start, text, is_quoted = _header_of(path)
        place = _place_of_field(text)
        seal = text[place : place + len(UNSEALED)].decode()
        if json.loads(text)["sha256"] != seal:  # a key may be spelt in other ways
            raise ValueError("two fields")
    except (ValueError, KeyError, TypeError, RecursionError, OSError):
        raise DamagedError(
            f"{path} is damaged: it has lost its seal; make it again or copy it anew"
        ) from None
    return start + len(_quoted(text[:place].decode()) if is_quoted else text[:place]), seal


def _header_of(path: Path) -> tuple[int, bytes, bool]:
    """Where in a file its header begins, its JSON, and whether that is a string within other JSON.

    The file is JSON itself; or Parquet, which has it in its footer; or safetensors, which has it in its own
    header. ValueError where there is none, or more than one.
    """
    with path.open("rb") as file:
        first = file.read(8)
        if first.startswith(b"{"):
            return 0, (first + file.read(_MOST_HEADER)).rstrip(), False
        if first.startswith(b"PAR1"):
            file.seek(max(0, path.stat().st_size - 8))
            length = int.from_bytes(file.read(4), "little")
            start = max(0, path.stat().st_size - 8 - length)
            file.seek(start)
            raw = file.read(length)
            text = _parquet_header(path)
            return start + _only(raw, text), text, False
        raw = file.read(min(int.from_bytes(first, "little"), _MOST_HEADER))
    header = json.loads(raw)["__metadata__"]["curate"]
    return 8 + _only(raw, _quoted(header)), header.encode(), True


def _quoted(text: str) -> bytes:
    """How text stands in a string of JSON."""
    return json.dumps(text, ensure_ascii=False)[1:-1].encode()


def _parquet_header(path: Path) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        text: bytes | None = (pq.read_metadata(path).metadata or {}).get(b"curate")
    except pa.ArrowException as problem:
        raise ValueError(str(problem)) from None
    if text is None:
        raise ValueError("no header")
    return text


def _only(raw: bytes, part: bytes) -> int:
    """Where the only occurrence of a part is."""
    if not part or raw.count(part) != 1:
        raise ValueError("not there once")
    return raw.index(part)


def _place_of_field(text: bytes) -> int:
    """Where the value of the field `sha256` of an object is, in its JSON; ValueError unless there is one."""
    depth, before, places = 0, b"", []
    tokens = _TOKEN.finditer(text)
    for token in tokens:
        kind = token[0]
        depth += (kind in (b"{", b"[")) - (kind in (b"}", b"]"))
        if depth == 1 and kind == b'"sha256"' and before in (b"{", b","):
            value = _SEAL.match(text, _after_colon(text, token.end()))
            if value is None:
                raise ValueError("no seal")
            places.append(value.start(1))
        before = kind
    if len(places) != 1:
        raise ValueError("no seal, or several")
    return places[0]


def _after_colon(text: bytes, place: int) -> int:
    """The place of a value behind its key."""
    found = re.compile(rb"\s*:\s*").match(text, place)
    return found.end() if found else len(text)


def _hash_with_zeros_at(path: Path, place: int) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while part := file.read(min(_HASH_BYTES, place - file.tell())):
            digest.update(part)
        digest.update(UNSEALED.encode())
        file.seek(place + len(UNSEALED))
        while part := file.read(_HASH_BYTES):
            digest.update(part)
    return digest.hexdigest()


def file_sha256(path: Path) -> str:
    """sha256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
