"""Images in Parquet files, in the Hugging Face layout, from disk or from the Hub.

The image column is `struct<bytes: binary, path: string>` or plain binary. Class names come from the
key-value metadata `huggingface`. Images stay on disk, and are read by row group; labels are held in memory.
"""

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from curate.artifacts.header_schema import parsed
from curate.artifacts.pages import check_pages
from curate.artifacts.reading import damage_as_one_line, open_parquet
from curate.data.row_groups import ImageFile, RowGroups, check_unpacked
from curate.data.shards import place_of
from curate.data.source import Request, Samples, Stamps, choose_splits, files_by_split, numbered_classes
from curate.errors import CurateError

_LABEL_NAMES = ("label", "labels", "fine_label", "class", "target", "y")
_LONGEST_WORD = 1024


def read_parquet(files: Sequence[Path], top: Path, request: Request) -> Samples:
    """The samples of the split asked for.

    File names tell the split, or the names of folders below `top`.
    """
    by_split = files_by_split(files, top)
    chosen = choose_splits(by_split, request)
    request = _with_only_classes(by_split[chosen[0]][0], request)
    files = [file for split in chosen for file in by_split[split]]
    images, read, column, features = _read_all(files, request)
    everywhere = [file for some in by_split.values() for file in some]
    labels, classes, why = _labels(column, features, everywhere, request)
    return Samples(
        n=len(images),
        read=images.read,
        name=lambda row: f"{request.reference}[{row}]",
        labels=labels,
        classes=classes,
        split=chosen[0] if len(chosen) == 1 else request.split,
        why_no_labels=why,
        has_columns=True,
        stamps=_stamps(read, images, top, place_of(request.reference, top)),
        locality=images.locality,
    )


def _read_all(files: list[Path], request: Request) -> tuple[RowGroups, list[ImageFile], Any, dict[str, Any]]:
    """Images and files, the labels in one column (None without), and what is said of the columns."""
    import pyarrow as pa

    images: list[ImageFile] = []
    labels: list[Any] = []
    features: dict[str, Any] = {}
    for path in files:
        image, label, features = _read_columns(path, request)
        images.append(image)
        labels.append(label)
    kinds = {None if label is None else str(label.type) for label in labels}
    if len(kinds) > 1:
        told = " and ".join(sorted(kind or "no labels" for kind in kinds))
        raise CurateError(f"the files of {request.reference} do not agree: their labels are {told}")
    groups = RowGroups(images, request.reference)
    if kinds <= {None}:
        return groups, images, None, features
    return groups, images, pa.chunked_array([chunk for one in labels for chunk in one.chunks]), features


def _read_columns(path: Path, request: Request) -> tuple[ImageFile, Any, dict[str, Any]]:
    """Where the images are, the column of labels or None, and what Hugging Face says of the columns."""
    import pyarrow as pa

    about = os.stat(path)
    with damage_as_one_line(path, "Parquet file", "copy it anew"):
        file = open_parquet(path, pages=False)
        schema = file.schema_arrow
        check_unpacked(file.metadata, path)
        features = _features(schema.metadata or {})
        image = _image_column(schema, request, path)
        label = _label_column(schema.names, features, request, path)
        is_struct = pa.types.is_struct(schema.field(image).type)
        labels = _read_column(path, label) if label else None
    named = dict(features, label=features[label]) if label in features else features
    column = f"{image}.bytes" if is_struct else image
    times = about.st_size, about.st_mtime_ns, about.st_ctime_ns
    return ImageFile(path, column, file.metadata, *times), labels, named


def _stamps(files: list[ImageFile], groups: RowGroups, top: Path, place: str) -> Stamps:
    """What tells that the images are what they were: their row in which file, and how old that is."""
    import pyarrow as pa
    import pyarrow.compute as pc

    keys, n_rows = [], [file.metadata.num_rows for file in files]
    for file, n in zip(files, n_rows, strict=True):
        below = f"{os.path.relpath(file.path, top)}:{file.column}:"
        numbers = pa.array(np.arange(n)).cast(pa.string())
        keys.append(pc.binary_join_element_wise(below, numbers, "").cast(pa.large_binary()))
    times = np.array([(file.size, file.modified, file.changed) for file in files], np.int64)
    sizes, modified, changed = np.repeat(times, n_rows, axis=0).T
    n_in_group = np.bincount(groups.group_of_row, minlength=len(groups.n_bytes))
    each = (groups.n_bytes // np.maximum(1, n_in_group))[groups.group_of_row]
    return Stamps(place, pa.concat_arrays(keys), sizes, modified, changed, each)


def _is_text(kind: Any) -> bool:
    import pyarrow as pa

    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _features(metadata: dict[bytes, bytes]) -> dict[str, Any]:
    """What the metadata of Hugging Face says of each column; nothing where it says nothing sensible."""
    try:
        features = parsed(metadata[b"huggingface"])["info"]["features"]
    except (KeyError, ValueError, TypeError):
        return {}
    return features if isinstance(features, dict) else {}


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

    def fits(column: Any) -> bool:
        return column.null_count == 0 and 2 <= len(_words(column)) <= len(column) // 4

    try:
        with damage_as_one_line(file, "Parquet file", "copy it anew"):
            schema = open_parquet(file, pages=False).schema_arrow
            if _label_column(schema.names, _features(schema.metadata or {}), request, file) is not None:
                return request
            words = [field.name for field in schema if _is_text(field.type)]
            fitting = [name for name in words if fits(_read_column(file, name))]
    except CurateError:
        return request  # what is wrong with it is said where it is read
    if len(fitting) != 1:
        return request
    request.progress.note(
        f"{file} has no column that is called label: {fitting[0]} is taken, which holds few words again and "
        "again; --label-column takes another"
    )
    return replace(request, label_column=fitting[0])


def _labels(
    column: Any, features: dict[str, Any], everywhere: list[Path], request: Request
) -> tuple[npt.NDArray[np.int64] | None, list[str], str]:
    """Labels as numbers, and the names of their classes, which are those of all splits together."""
    import pyarrow as pa
    import pyarrow.compute as pc

    path = everywhere[0]
    if column is None:
        names = ", ".join(open_parquet(path, pages=False).schema_arrow.names)
        return None, [], f"Name one of its columns with --label-column: {names}."
    if column.null_count:
        raise CurateError(f"{request.reference}: {column.null_count:,} samples have no label")
    if pa.types.is_integer(column.type):
        named = features.get("label")
        classes = named.get("names") if isinstance(named, dict) else None
        if not isinstance(classes, list):
            top = max(int(pc.max(part).as_py() or 0) for part in _label_columns(everywhere, request))
            classes = numbered_classes(top, len(column), request.reference)
        return column.to_numpy().astype(np.int64), [str(name) for name in classes], ""
    if _is_text(column.type):
        texts = sorted({word for part in _label_columns(everywhere, request) for word in _words(part)})
        number = {text: place for place, text in enumerate(texts)}
        parts = [
            np.array([number[word] for word in chunk.dictionary.to_pylist()], np.int64)[
                chunk.indices.to_numpy()
            ]
            for chunk in column.chunks
            if len(chunk)
        ]
        return np.concatenate(parts), texts, ""
    raise CurateError(f"{path}: the label column is {column.type}; use integers or text")


def _words(column: Any) -> set[str]:
    """The words that a column of text uses; no class has a name that fills a page."""
    words: set[str] = set()
    for chunk in column.chunks:
        used = np.unique(chunk.indices.drop_null().to_numpy())
        words |= {str(chunk.dictionary[int(place)].as_py()) for place in used}
    longest = max(map(len, words), default=0)
    if longest > _LONGEST_WORD:
        raise CurateError(f"a column of labels has a word of {longest:,} letters: name another")
    return words


def _label_columns(files: list[Path], request: Request) -> list[Any]:
    """The label columns of files, read without their images."""
    columns = []
    for path in files:
        schema = open_parquet(path, pages=False).schema_arrow
        label = _label_column(schema.names, _features(schema.metadata or {}), request, path)
        if label:
            columns.append(_read_column(path, label))
    return columns


def _read_column(path: Path, name: str) -> Any:
    """One column of a file; text stays numbered."""
    with damage_as_one_line(path, "Parquet file", "copy it anew"):
        file = open_parquet(path, pages=False)
        check_pages(path, file.metadata, columns=[name])
        text = _is_text(file.schema_arrow.field(name).type)
        return open_parquet(path, False, read_dictionary=[name] if text else []).read([name]).column(0)
