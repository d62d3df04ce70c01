"""Artifacts with a good seal that say what cannot be: what somebody would write who means harm."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from safetensors import safe_open
from safetensors.numpy import save_file

from curate.artifacts.seal import UNSEALED, seal_file

Groups = list[dict[str, Any]]


def columns_of(path: Path) -> Groups:
    """The columns of each row group of a Parquet file, as lists."""
    file = pq.ParquetFile(path)
    return [file.read_row_group(group).to_pydict() for group in range(file.num_row_groups)]


def forged_parquet(
    path: Path,
    columns: Callable[[Groups], object] = bool,
    header: Callable[[dict[str, Any]], object] = bool,
    types: dict[str, pa.DataType] | None = None,
) -> Path:
    """The file with its row groups and its header changed, and sealed as they are now."""
    file = pq.ParquetFile(path)
    about = json.loads(file.metadata.metadata[b"curate"])
    groups, schema = columns_of(path), file.schema_arrow
    columns(groups)
    header(about)
    known = {field.name: field.type for field in schema} | (types or {})
    fields = [pa.field(name, known[name]) for name in groups[0]]
    schema = pa.schema(fields)
    with pq.ParquetWriter(path, schema, store_schema=False) as writer:
        for group in groups:
            writer.write_table(
                pa.table(group, schema), row_group_size=max(1, len(next(iter(group.values()))))
            )
        writer.add_key_value_metadata({"curate": json.dumps(about | {"sha256": UNSEALED})})
    seal_file(path)
    return path


def forged_embedding(
    path: Path,
    tensors: Callable[[dict[str, Any]], object] = bool,
    header: Callable[[dict[str, Any]], object] = bool,
) -> Path:
    """The file with its tensors and its header changed, and sealed as they are now."""
    with safe_open(path, framework="numpy") as file:
        about = json.loads(file.metadata()["curate"])
        held = {name: file.get_tensor(name).copy() for name in file.keys()}  # noqa: SIM118
    tensors(held)
    header(about)
    save_file(held, path, metadata={"curate": json.dumps(about | {"sha256": UNSEALED})})
    seal_file(path)
    return path
