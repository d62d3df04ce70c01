"""Images in Parquet files, in the Hugging Face layout, from disk or from the Hub.

The image column is `struct<bytes: binary, path: string>` or plain binary. Class names come from the
key-value metadata `huggingface`. Encoded images are held in memory; their pixels need not be.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from curate.errors import CurateError, DamagedError
from curate.records import Records, Request, choose_splits, split_of_name

_LABEL_NAMES = ("label", "labels", "fine_label", "class", "target", "y")
_MAX_BYTES = 64 * 2**30  # decoded size a file may announce; a guard against hostile metadata


def read_parquet(files: Sequence[Path], request: Request) -> Records:
    """The records of the split asked for, from files whose names, or folders, tell their split."""
    by_split: dict[str, list[Path]] = {}
    for file in files:
        split = split_of_name(file.name) or split_of_name(file.parent.name) or "all"
        by_split.setdefault(split, []).append(file)
    if len(by_split) > 1:
        by_split.pop("all", None)
    chosen = choose_splits(by_split, request)
    return _read([file for split in chosen for file in by_split[split]], chosen, request)


def _read(files: list[Path], chosen: list[str], request: Request) -> Records:
    import pyarrow as pa

    tables = []
    features: dict[str, Any] = {}
    for path in files:
        table, features = _read_columns(path, request, features)
        tables.append(table)
    try:
        joined = pa.concat_tables(tables)
    except pa.ArrowInvalid as problem:
        raise CurateError(f"the files of {request.reference} do not agree: {problem}") from None
    images = joined.column("image").combine_chunks()
    if images.null_count:
        empty = np.flatnonzero(images.is_null().to_numpy(zero_copy_only=False))[0]
        raise CurateError(f"{request.reference}: sample {empty} has no image")
    labels, classes, why = _labels(joined, features, files[0], request)
    return Records(
        n=len(images),
        read=lambda row: images[row].as_py(),
        name=lambda row: f"{request.reference}[{row}]",
        labels=labels,
        classes=classes,
        split=chosen[0] if len(chosen) == 1 else request.split,
        why_no_labels=why,
        has_columns=True,
    )


def _read_columns(path: Path, request: Request, features: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """A table of `image` and, where there is one, `label`; and what Hugging Face says of the columns."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(path)
        schema = file.schema_arrow
        announced = sum(
            file.metadata.row_group(group).total_byte_size for group in range(file.num_row_groups)
        )
        if announced > _MAX_BYTES:
            raise CurateError(f"{path} unpacks to {announced / 2**30:.0f} GiB, more than 64: split it")
        written = (schema.metadata or {}).get(b"huggingface")
        if written:
            features = json.loads(written).get("info", {}).get("features", {})
        image = _image_column(schema, request, path)
        label = _label_column(schema.names, features, request, path)
        table = file.read([image] + ([label] if label else []))
    except (pa.ArrowException, OSError, json.JSONDecodeError) as problem:
        reason = " ".join(str(problem).split())[:120]
        raise DamagedError(f"{path} is not a readable Parquet file ({reason}): copy it anew") from None
    pixels = table.column(image)
    if pa.types.is_struct(pixels.type):
        pixels = pc.struct_field(pixels, "bytes")
    columns = {"image": pixels.cast(pa.large_binary())}
    if label:
        columns["label"] = table.column(label)
    named = dict(features, label=features[label]) if label in features else features
    return pa.table(columns), named


def _image_column(schema: Any, request: Request, path: Path) -> str:
    import pyarrow as pa

    def fits(kind: Any) -> bool:
        if pa.types.is_struct(kind):
            return kind.get_field_index("bytes") >= 0
        return pa.types.is_binary(kind) or pa.types.is_large_binary(kind)

    fitting = [field.name for field in schema if fits(field.type)]
    wanted = request.image_column
    if wanted is not None:
        if wanted in fitting:
            return wanted
        raise CurateError(f"{path} has no image column '{wanted}': it has {', '.join(fitting) or 'none'}")
    if len(fitting) == 1 or "image" in fitting:
        return "image" if "image" in fitting else fitting[0]
    if not fitting:
        raise CurateError(
            f"{path} has no image column (bytes, or a struct with bytes): "
            f"its columns are {', '.join(schema.names)}"
        )
    raise CurateError(f"{path} has image columns {', '.join(fitting)}: choose one with --image-column")


def _label_column(columns: list[str], features: dict[str, Any], request: Request, path: Path) -> str | None:
    wanted = request.label_column
    if wanted is not None:
        if wanted in columns:
            return wanted
        raise CurateError(f"{path} has no column '{wanted}': its columns are {', '.join(columns)}")
    class_labels = [name for name in columns if (features.get(name) or {}).get("_type") == "ClassLabel"]
    candidates = [name for name in _LABEL_NAMES if name in columns] or class_labels
    return candidates[0] if candidates else None


def _labels(
    table: Any, features: dict[str, Any], path: Path, request: Request
) -> tuple[npt.NDArray[np.int64] | None, list[str], str]:
    """Labels as numbers with the names of their classes; text labels are numbered in sorted order."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if "label" not in table.column_names:
        return None, [], f"{path} has no label column: name one with --label-column."
    column = table.column("label")
    if column.null_count:
        raise CurateError(f"{request.reference}: {column.null_count:,} samples have no label")
    if pa.types.is_integer(column.type):
        numbers = column.to_numpy().astype(np.int64)
        names = (features.get("label") or {}).get("names")
        if names is None:
            names = [str(number) for number in range(int(numbers.max(initial=0)) + 1)]
        return numbers, [str(name) for name in names], ""
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        names = sorted(pc.unique(column).to_pylist())
        numbers = pc.index_in(column, pa.array(names, column.type)).to_numpy().astype(np.int64)
        return numbers, names, ""
    raise CurateError(f"{path}: the label column is {column.type}; use integers or text")
