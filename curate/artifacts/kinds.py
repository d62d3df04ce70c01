"""What lies at a path: told from the header that it carries, without reading or verifying the rest."""

import glob
import os
import re
import struct
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from curate.artifacts.header_schema import MOST_BYTES, parsed
from curate.artifacts.reading import array_in, read_bounded
from curate.errors import CurateError, DamagedError

MANIFEST = "manifest.json"
PACK = "pack"  # the kind of a dataset that `curate pack` wrote
MODEL = "curate_model"  # the metadata of weights that `curate train` saved
VECTOR_SUFFIXES = (".npy", ".npz", ".safetensors", ".parquet")
_OWN_SHARD = re.compile(r"vectors-\d{5,}-of-\d{5,}\.safetensors")
_LONGEST_HEADER = 100 * 2**20


def kind_of(path: str | Path) -> str | None:
    """`manifest`, `embedding`, `clusters`, `scores`, `trace` or `model`, as the header of an artifact says.

    `vectors` for vectors made elsewhere, and None for whatever is no artifact, such as a dataset.
    """
    path = Path(path)
    if (path / MANIFEST).is_file():
        return "manifest"
    if not path.is_file():
        return "embedding" if own_shards(path) else "vectors" if vector_files(path) else None
    kind: str | None = None
    if path.suffix == ".npy":
        kind = "vectors"
    elif path.suffix == ".npz":
        kind = "vectors" if _is_matrix(path) else None
    elif path.suffix == ".safetensors":
        metadata = safetensors_metadata(path)
        kind = "model" if MODEL in metadata else "embedding" if "curate" in metadata else "vectors"
        kind = None if is_pack(metadata) else kind
    elif path.suffix == ".parquet":
        header = header_at(path)
        kind = str(header.get("kind")) if header else "vectors" if _has_vectors(path) else None
    return kind


def is_pack(metadata: Mapping[str, Any]) -> bool:
    """Whether the metadata of a safetensors file are those of a pack, which is a dataset."""
    try:
        header = parsed(str(metadata.get("curate")))
    except ValueError:
        return False
    return isinstance(header, dict) and header.get("kind") == PACK


def vector_files(path: str | Path) -> list[Path]:
    """The shards of vectors in a folder, or that a glob means, numbers in their names in order; else none.

    A folder counts where its first such file has vectors; then all of that ending are shards.
    """
    path = Path(path)
    if path.is_dir():
        names = [name for name in os.listdir(path) if name.endswith(VECTOR_SUFFIXES) and name[0] != "."]
        there = [path / name for name in names]
    elif set("*?[") & set(str(path)):
        there = [Path(name) for name in glob.glob(str(path)) if Path(name).suffix in VECTOR_SUFFIXES]
    else:
        return []
    shards = sorted(there, key=_by_number)
    is_one = bool(shards) and shards[0].is_file() and kind_of(shards[0]) == "vectors"
    return shards if is_one else []


def own_shards(path: str | Path) -> list[Path]:
    """The files in a folder of shards that `curate embed` wrote; none where it did not."""
    if not os.path.isdir(path):
        return []
    return sorted(Path(path, name) for name in os.listdir(path) if _OWN_SHARD.fullmatch(name))


def _by_number(file: Path) -> list[Any]:
    """A name as text and numbers in turn, so that shard-10 comes behind shard-9."""
    return [int(part) if part.isdecimal() else part for part in re.split(r"(\d{1,18})", file.name)]


def header_at(path: str | Path) -> dict[str, Any] | None:
    """The header of a manifest's folder or of a Parquet file, as plain JSON; None where there is none."""
    path = Path(path)
    if path.is_dir():
        there = (path / MANIFEST).is_file()
        text: bytes | None = read_bounded(path / MANIFEST, MOST_BYTES) if there else None
    else:
        text = (_parquet_schema(path).metadata or {}).get(b"curate")
    if text is None:
        return None
    try:
        header = parsed(text)
    except ValueError:
        header = None
    if not isinstance(header, dict):
        raise DamagedError(f"{path} is damaged: its header is not readable; copy it anew")
    return header


def safetensors_metadata(path: Path) -> dict[str, Any]:
    """The metadata of a safetensors file; nothing where the file is not one."""
    with path.open("rb") as file:
        start = file.read(8)
        length = struct.unpack("<Q", start)[0] if len(start) == 8 else 0
        text = file.read(length) if length <= _LONGEST_HEADER else b""
    try:
        metadata = parsed(text).get("__metadata__")
    except (ValueError, AttributeError):
        return {}
    return metadata if isinstance(metadata, dict) else {}


def _is_matrix(path: Path) -> bool:
    """Whether a `.npz` has one matrix beside lists, and nothing that has the shape of images."""
    try:
        with zipfile.ZipFile(path) as archive:
            shapes = {name.removesuffix(".npy"): array_in(archive, name)[0] for name in archive.namelist()}
    except (OSError, ValueError, KeyError, RuntimeError, zipfile.BadZipFile, zlib.error):
        return False
    matrices = [name for name, shape in shapes.items() if len(shape) == 2 and shape[1] > 1]
    return len(matrices) == 1 and matrices[0] != "x" and all(len(shape) <= 2 for shape in shapes.values())


def _has_vectors(path: Path) -> bool:
    """Whether a Parquet file has lists of numbers and no images."""
    kinds = [str(field.type) for field in _parquet_schema(path)]
    return any("list" in kind for kind in kinds) and not any("binary" in kind for kind in kinds)


def _parquet_schema(path: Path) -> Any:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return pq.read_schema(path)
    except (pa.ArrowException, OSError) as problem:
        reason = " ".join(str(problem).split())[:120]
        raise CurateError(f"{path} is not a readable Parquet file ({reason}): copy it anew") from None
