"""samples.parquet of a manifest: written one row group after another, read one column after another."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from curate.artifacts.arrow import array_of, read_table, values_of
from curate.artifacts.reading import damage_as_one_line
from curate.artifacts.tables import Column
from curate.errors import DamagedError

_GROUP = 1 << 20  # rows that are written at once
_LONGEST_WORD = 1024


class Columns(Mapping[str, Column]):
    """The columns of samples.parquet; words are read by a dictionary, whose own are looked at first."""

    def __init__(self, path: Path) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        self._path, self._read = path, dict[str, Column]()
        self._is_words = {field.name: pa.types.is_string(field.type) for field in pq.read_schema(path)}

    def __iter__(self) -> Iterator[str]:
        return iter(self._is_words)

    def __len__(self) -> int:
        return len(self._is_words)

    def __getitem__(self, name: str) -> Column:
        is_words = self._is_words[name]
        if name not in self._read:
            with damage_as_one_line(self._path, "manifest", "copy it anew"):
                self._read[name] = self._column(name, words=[name] if is_words else [])
        return self._read[name]

    def _column(self, name: str, words: list[str]) -> Column:
        column = read_table(self._path, [name], words).column(0)
        for chunk in column.chunks if words else []:
            if any(len(str(word)) > _LONGEST_WORD for word in chunk.dictionary):
                raise DamagedError(f"{self._path}: {name} has words beyond {_LONGEST_WORD} letters")
        return values_of(column)


def write_columns(path: Path, columns: Mapping[str, Column]) -> None:
    """Write the columns of samples one row group after another."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    n = len(columns["index"])
    schema = _part_of(columns, 0, _GROUP).schema
    words = [field.name for field in schema if pa.types.is_string(field.type)]
    whole = [field.name for field in schema if pa.types.is_signed_integer(field.type)]
    with pq.ParquetWriter(
        path,
        schema,
        compression={name: "none" if name == "uid" else "zstd" for name in columns},  # hashes do not shrink
        use_dictionary=words,
        column_encoding=dict.fromkeys(whole, "DELTA_BINARY_PACKED"),
    ) as writer:
        for start in range(0, max(n, 1), _GROUP):
            writer.write_table(_part_of(columns, start, start + _GROUP), row_group_size=_GROUP)


def _part_of(columns: Mapping[str, Column], start: int, stop: int) -> Any:
    """Some rows of columns as a table of Arrow: words as words, and counts as int64."""
    import pyarrow as pa

    arrays = {}
    for name, column in columns.items():
        part = column[start:stop]
        if isinstance(part, pa.DictionaryArray):
            arrays[name] = part.dictionary_decode()
        elif name == "n_selected":
            arrays[name] = array_of(part.astype(np.int64))
        else:
            arrays[name] = array_of(part)
    return pa.table(arrays)
