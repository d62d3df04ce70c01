"""Images in Parquet files, in the Hugging Face layout, from disk or from the Hub.

The image column is `struct<bytes: binary, path: string>` or plain binary. Class names come from the
key-value metadata `huggingface`. Encoded images are held in memory; their pixels need not be.
"""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from curate.data.source import Request, Samples, choose_splits, split_of_name
from curate.errors import CurateError, DamagedError

_LABEL_NAMES = ("label", "labels", "fine_label", "class", "target", "y")
_MAX_BYTES = 64 * 2**30  # decoded size a file may announce; a guard against hostile metadata


def read_parquet(files: Sequence[Path], top: Path, request: Request) -> Samples:
    """The samples of the split asked for.

    File names tell the split, or the names of folders below `top`.
    """
    by_split: dict[str, list[Path]] = {}
    for file in files:
        folder = split_of_name(file.parent.name) if file.parent != top else None
        by_split.setdefault(split_of_name(file.name) or folder or "all", []).append(file)
    if len(by_split) > 1:
        by_split.pop("all", None)
    chosen = choose_splits(by_split, request)
    request = _with_only_classes(by_split[chosen[0]][0], request)
    table, features = _read_all([file for split in chosen for file in by_split[split]], request)
    images = table.column("image").combine_chunks()
    if images.null_count:
        empty = np.flatnonzero(images.is_null().to_numpy(zero_copy_only=False))[0]
        raise CurateError(f"{request.reference}: sample {empty} has no image")
    everywhere = [file for some in by_split.values() for file in some]
    labels, classes, why = _labels(table, features, everywhere, request)
    return Samples(
        n=len(images),
        read=lambda row: images[row].as_py(),
        name=lambda row: f"{request.reference}[{row}]",
        labels=labels,
        classes=classes,
        split=chosen[0] if len(chosen) == 1 else request.split,
        why_no_labels=why,
        has_columns=True,
    )


def _read_all(files: list[Path], request: Request) -> tuple[Any, dict[str, Any]]:
    """The rows of all files in one table, and what Hugging Face says of the columns."""
    import pyarrow as pa

    tables = []
    features: dict[str, Any] = {}
    for path in files:
        table, features = _read_columns(path, request)
        tables.append(table)
    try:
        return pa.concat_tables(tables), features
    except pa.ArrowInvalid as problem:
        raise CurateError(f"the files of {request.reference} do not agree: {problem}") from None


def _read_columns(path: Path, request: Request) -> tuple[Any, dict[str, Any]]:
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
        features = _features(schema.metadata or {})
        image = _image_column(schema, request, path)
        label = _label_column(schema.names, features, request, path)
        table = file.read([image] + ([label] if label else []))
        pixels = table.column(image)
        if pa.types.is_struct(pixels.type):
            pixels = pc.struct_field(pixels, "bytes")
        columns = {"image": pixels.cast(pa.large_binary())}
    except (pa.ArrowException, OSError) as problem:
        reason = " ".join(str(problem).split())[:120]
        raise DamagedError(f"{path} is not a readable Parquet file ({reason}): copy it anew") from None
    if label:
        columns["label"] = _plain(table.column(label))
    named = dict(features, label=features[label]) if label in features else features
    return pa.table(columns), named


def _features(metadata: dict[bytes, bytes]) -> dict[str, Any]:
    """What the metadata of Hugging Face says of each column; nothing where it says nothing sensible."""
    try:
        features = json.loads(metadata[b"huggingface"])["info"]["features"]
    except (KeyError, ValueError, TypeError):
        return {}
    return features if isinstance(features, dict) else {}


def _plain(column: Any) -> Any:
    """A column without dictionary encoding."""
    import pyarrow as pa

    return column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column


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
    class_labels = [
        name
        for name in columns
        if isinstance(features.get(name), dict) and features[name].get("_type") == "ClassLabel"
    ]
    candidates = [name for name in _LABEL_NAMES if name in columns] or class_labels
    return candidates[0] if candidates else None


def _with_only_classes(file: Path, request: Request) -> Request:
    """The request, with the only column of a file in which few words stand again and again as its label.

    Where no column has the name of one; it is said that it was taken.
    """
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    def is_text(kind: Any) -> bool:
        kind = kind.value_type if pa.types.is_dictionary(kind) else kind
        return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))

    def fits(column: Any) -> bool:
        return column.null_count == 0 and 2 <= pc.count_distinct(column).as_py() <= len(column) // 4

    try:
        schema = pq.read_schema(file)
        if _label_column(schema.names, _features(schema.metadata or {}), request, file) is not None:
            return request
        words = [field.name for field in schema if is_text(field.type)]
        fitting = [name for name in words if fits(_plain(pq.read_table(file, columns=[name]).column(0)))]
    except (pa.ArrowException, OSError):
        return request  # what is wrong with it is said where it is read
    if len(fitting) != 1:
        return request
    request.progress.note(
        f"{file} has no column that is called label: {fitting[0]} is taken, which holds few words again and "
        "again; --label-column takes another"
    )
    return replace(request, label_column=fitting[0])


def _labels(
    table: Any, features: dict[str, Any], everywhere: list[Path], request: Request
) -> tuple[npt.NDArray[np.int64] | None, list[str], str]:
    """Labels as numbers, and the names of their classes, which are those of all splits together."""
    import pyarrow as pa
    import pyarrow.compute as pc

    path = everywhere[0]
    if "label" not in table.column_names:
        import pyarrow.parquet as pq

        return (
            None,
            [],
            f"Name one of its columns with --label-column: {', '.join(pq.read_schema(path).names)}.",
        )
    column = table.column("label")
    if column.null_count:
        raise CurateError(f"{request.reference}: {column.null_count:,} samples have no label")
    if pa.types.is_integer(column.type):
        named = features.get("label")
        names = named.get("names") if isinstance(named, dict) else None
        if names is None:
            top = max(int(pc.max(part).as_py() or 0) for part in _label_columns(everywhere, request))
            names = range(top + 1)
        return column.to_numpy().astype(np.int64), [str(name) for name in names], ""
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        values = {
            value for part in _label_columns(everywhere, request) for value in pc.unique(part).to_pylist()
        }
        texts = sorted(value for value in values if value is not None)
        numbers = pc.index_in(column, pa.array(texts, column.type)).to_numpy().astype(np.int64)
        return numbers, texts, ""
    raise CurateError(f"{path}: the label column is {column.type}; use integers or text")


def _label_columns(files: list[Path], request: Request) -> list[Any]:
    """The label columns of files, read without their images."""
    import pyarrow.parquet as pq

    columns = []
    for path in files:
        schema = pq.read_schema(path)
        label = _label_column(schema.names, _features(schema.metadata or {}), request, path)
        if label:
            columns.append(_plain(pq.read_table(path, columns=[label]).column(0)))
    return columns
