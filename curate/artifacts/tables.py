"""Tables of one row per sample, keyed by `index`, in Parquet: clusters and scores.

Every table carries `uid` and, where known, `row` and `label`, so selection needs nothing else. `row` is the
place of a sample in its source, as other libraries count. The header says of each column that can rank
samples which side is hard: `columns: {"distance": {"hard_is": "high"}}`, and of one that tells, beyond which
value a sample was not learned: `{"hard_is": "low", "unlearned_beyond": 0.0}`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from curate.artifacts.arrow import array_of, values_of
from curate.artifacts.files import as_path, atomic_file, or_beside
from curate.artifacts.header import Header, canonical, read_header
from curate.artifacts.kinds import kind_of
from curate.artifacts.reading import damage_as_one_line, open_parquet
from curate.artifacts.seal import UNSEALED, check_seal, seal_file
from curate.errors import CurateError, DamagedError
from curate.finder import nearest

if TYPE_CHECKING:
    import polars as pl

KINDS = ("clusters", "scores")
_MAX_BYTES = 64 * 2**30
_LARGEST = 1e300  # of a score: of larger ones no difference can be told

Column = npt.NDArray[Any]


def sample_columns(
    uids: npt.NDArray[np.uint64],
    rows: npt.NDArray[np.int64] | None,
    labels: npt.NDArray[np.int64] | None,
) -> dict[str, Column]:
    """The columns that say which samples there are, `[n]` each: index, uid, and where known row and label."""
    known = {"index": np.arange(len(uids)), "row": rows, "uid": uids, "label": labels}
    return {name: column for name, column in known.items() if column is not None}


@dataclass(frozen=True)
class Table:
    """Columns by name, each `[n]`, in order of `index`; and the header that says what they are."""

    path: Path
    header: Header
    columns: dict[str, Column]

    def __len__(self) -> int:
        return len(self.columns["index"])

    def __repr__(self) -> str:
        return f"<Table of {self.header.kind} {self.path}: {len(self):,} samples, {', '.join(self.columns)}>"

    def to_polars(self) -> "pl.DataFrame":
        """All columns as a frame of polars, in order of `index`."""
        import polars

        return polars.DataFrame(self.columns)

    def __getitem__(self, name: str) -> Column:
        if name not in self.columns:
            raise CurateError(f"{self.path} has no column '{name}': {nearest(name, self.columns)}")
        return self.columns[name]

    @property
    def labels(self) -> npt.NDArray[np.int64] | None:
        """The label of each sample, or None."""
        return self.columns.get("label")

    def ranking(self, column: str = "") -> tuple[str, npt.NDArray[np.float64]]:
        """The name of the column that ranks, and its values `[n]`, turned so that high is hard.

        Unless `column` names one, it is the first that can rank samples. All values must be finite.
        """
        if not column and not self.ranking_columns:
            raise CurateError(f"{self.path} has no column that ranks samples: make scores or clusters first")
        name, known = column or self.ranking_columns[0], self.header.columns
        stored = self[name]
        if name not in known:
            raise CurateError(f"{self.path}: column '{name}' does not rank: {nearest(name, known)}")
        values = stored.astype(np.float64)
        if not (values.min(initial=0) > -_LARGEST and values.max(initial=0) < _LARGEST):  # nor is NaN
            wrong = np.flatnonzero(~(np.abs(values) < _LARGEST))[0]
            raise CurateError(f"{self.path}: {name} of sample {wrong} is {stored[wrong]}: score it anew")
        if known[name].hard_is == "low":
            np.negative(values, out=values)
        return name, values

    def hardness(self, column: str = "") -> npt.NDArray[np.float64]:
        """The values of `ranking` alone."""
        return self.ranking(column)[1]

    def n_unlearned(self, name: str) -> int | None:
        """How many samples were not learned; None for a column that cannot tell."""
        hardness = self.hardness(name)
        about = self.header.columns[name]
        if about.unlearned_beyond is None:
            return None
        limit = float(about.unlearned_beyond) * (1 if about.hard_is == "high" else -1)
        return int((hardness > limit).sum())

    @property
    def ranking_columns(self) -> list[str]:
        """The columns that can rank samples, in the order of the table."""
        return [name for name in self.columns if name in self.header.columns]

    def frame(self) -> "pl.DataFrame":
        """The table as a polars DataFrame."""
        import polars as pl

        return pl.DataFrame(self.columns)


def write_table(path: Path, header: Header, columns: Mapping[str, Column], force: bool = False) -> Table:
    """Write a table; all columns `[n]`, `index` among them."""
    import pyarrow as pa

    table = pa.table({name: array_of(column) for name, column in columns.items()})
    layout = {"schema": table.schema, "compression": "zstd"}
    sealed = write_parquet(path, header, [table], row_group_size=1 << 20, force=force, **layout)
    return Table(path, sealed, dict(columns))


def write_parquet(
    path: Path, header: Header, parts: Iterable[Any], *, row_group_size: int, force: bool, **layout: Any
) -> Header:
    """Write Arrow tables, one after another, as one file that holds the header; returns that, sealed."""
    import pyarrow.parquet as pq

    unsealed = canonical(replace(header, sha256=UNSEALED).to_json()).decode()
    with atomic_file(path, force) as temporary:
        # Without the Arrow schema, which would hold a second copy of the header.
        with pq.ParquetWriter(temporary, store_schema=False, **layout) as writer:
            for part in parts:
                writer.write_table(part, row_group_size=row_group_size)
            writer.add_key_value_metadata({"curate": unsealed})
        seal = seal_file(temporary)
    return replace(header, sha256=seal)


def open_table(path: str | Path, kinds: tuple[str, ...] = KINDS) -> Table:
    """Open a table and check it: kind, sizes and seal."""
    import pyarrow as pa

    path = as_path(path, "table")
    if path.is_dir() and kind_of(path) == "manifest":
        raise CurateError(f"{path} is a manifest, not a table: it is what `curate select` makes of a table")
    if path.is_dir():
        raise CurateError(
            f"{path} is a folder, not a table: of images `curate score {path}` makes one, or `curate embed "
            f"{path}` and then `curate cluster`"
        )
    if not path.is_file():
        raise CurateError(
            f"there is no table {path}: make one with `curate cluster` or `curate score`{or_beside(path)}"
        )
    if path.suffix != ".parquet" and kind_of(path) in ("embedding", "vectors"):
        raise CurateError(f"{path} is an embedding, not a table: run `curate cluster {path}` first")
    with damage_as_one_line(path, "table", "make it again"):
        file = open_parquet(path)
        header = read_header((file.metadata.metadata or {}).get(b"curate"), path, kinds)
        check_seal(path)
        check_sizes(file, header.dataset.n, path)
        check_plain(file.schema_arrow, path)
        columns = {name: _column(file, name, path) for name in file.schema_arrow.names}
        pa.default_memory_pool().release_unused()  # it would keep room for another column or two
        _check_content(columns, header, path)
    return Table(path, header, columns)


def _column(file: Any, name: str, path: Path) -> Column:
    """One column, read alone, so that no second copy of the others is held meanwhile."""
    column = file.read(columns=[name]).column(0)
    if column.null_count and name in ("index", "uid", "row", "label", "cluster"):
        raise _wrong(path, f"samples have no {name} in some places")
    return values_of(column)


def check_plain(schema: Any, path: Path) -> None:
    """Refuse columns of other types than those of samples: index, uid, numbers, truths and words."""
    import pyarrow as pa

    types = {field.name: field.type for field in schema}
    plain = (pa.types.is_integer, pa.types.is_floating, pa.types.is_boolean, pa.types.is_string)
    odd = [name for name, kind in types.items() if not any(is_kind(kind) for is_kind in plain)]
    if odd or str(types.get("index")) != "int64" or str(types.get("uid")) != "uint64":
        raise DamagedError(f"{path} has columns of other types than samples have ({odd or 'index, uid'})")


def check_samples(columns: Mapping[str, Column], header: Header, path: Path, start: int = 0) -> None:
    """Refuse columns that contradict their header: samples stand in order, numbers are in bounds.

    They are of samples from `start` on, to the last or to one before it.
    """
    n = header.dataset.n
    if not np.array_equal(columns["index"], np.arange(start, start + len(columns["index"]))):
        raise _wrong(path, f"samples are not numbered 0 to {n - 1:,} in order")
    beyond = {"row": header.dataset.n_rows or n, "label": len(header.dataset.classes), "cluster": n}
    for name in beyond.keys() & columns.keys():
        values, least = columns[name], -1 if name == "row" else 0
        if values.dtype.kind not in "iu":
            raise _wrong(path, f"its {name} is {values.dtype}, and not a whole number")
        if len(values) and not (least <= values.min() and values.max() < beyond[name]):
            raise _wrong(path, f"samples have a {name} outside of {least} to {beyond[name] - 1:,}")


def _check_content(columns: Mapping[str, Column], header: Header, path: Path) -> None:
    check_samples(columns, header, path)
    if header.kind == "clusters":
        k, clusters = int(header.summary["k"]), columns.get("cluster")
        if clusters is None or k > max(1, len(clusters)) or clusters.max(initial=0) >= k:
            raise _wrong(path, f"its clusters are not those of k={k}")
    lacking = [name for name in header.columns if name not in columns]
    if lacking:
        raise _wrong(path, f"its header tells of a column {lacking[0]}, which it has not")
    words = [name for name in header.columns if columns[name].dtype.kind not in "iufb"]
    if words:
        raise _wrong(path, f"its column {words[0]} ranks samples, and holds no numbers")


def _wrong(path: Path, what: str) -> DamagedError:
    return DamagedError(f"{path} contradicts itself: {what}; make it again, or copy it anew")


def check_sizes(file: Any, n_rows: int | None, path: Path) -> None:
    """Look at a Parquet file's own metadata before anything is unpacked."""
    metadata = file.metadata
    unpacked = sum(metadata.row_group(group).total_byte_size for group in range(metadata.num_row_groups))
    if unpacked > _MAX_BYTES:
        raise DamagedError(f"{path} unpacks to {unpacked / 2**30:.0f} GiB: it is not read")
    if n_rows is not None and metadata.num_rows != n_rows:
        raise DamagedError(f"{path} has {metadata.num_rows:,} rows, its header says {n_rows:,}")
