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

from curate.artifacts.files import atomic_file, or_beside
from curate.artifacts.header import Header, canonical, read_header
from curate.artifacts.kinds import kind_of
from curate.artifacts.seal import UNSEALED, check_seal, seal_file
from curate.errors import CurateError, DamagedError
from curate.finder import nearest

if TYPE_CHECKING:
    import polars as pl

KINDS = ("clusters", "scores")
_MAX_BYTES = 64 * 2**30

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
        wrong = np.flatnonzero(~np.isfinite(stored))
        if wrong.size:
            raise CurateError(
                f"{self.path}: {name} of sample {wrong[0]} is {stored[wrong[0]]}: score it anew"
            )
        values = stored.astype(np.float64)
        return name, values if known[name].hard_is == "high" else -values

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

    table = pa.table({name: pa.array(column) for name, column in columns.items()})
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
    import pyarrow.parquet as pq

    path = Path(path)
    if path.is_dir() and kind_of(path) == "manifest":
        raise CurateError(f"{path} is a manifest, not a table: it is what `curate select` makes of a table")
    if not path.is_file():
        raise CurateError(
            f"there is no table {path}: make one with `curate cluster` or `curate score`{or_beside(path)}"
        )
    if path.suffix != ".parquet" and kind_of(path) in ("embedding", "vectors"):
        raise CurateError(f"{path} is an embedding, not a table: run `curate cluster {path}` first")
    try:
        file = pq.ParquetFile(path)
        header = read_header((file.metadata.metadata or {}).get(b"curate"), path, kinds)
        check_seal(path)
        check_sizes(file, header.dataset.n, path)
        table = file.read()
        columns = {name: table.column(name).to_numpy() for name in table.column_names}
    except (pa.ArrowException, OSError, ValueError) as problem:
        reason = " ".join(str(problem).split())[:120]
        raise DamagedError(f"{path} is not a readable table ({reason}): make it again") from None
    return Table(path, header, columns)


def check_sizes(file: Any, n_rows: int | None, path: Path) -> None:
    """Look at a Parquet file's own metadata before anything is unpacked."""
    metadata = file.metadata
    unpacked = sum(metadata.row_group(group).total_byte_size for group in range(metadata.num_row_groups))
    if unpacked > _MAX_BYTES:
        raise DamagedError(f"{path} unpacks to {unpacked / 2**30:.0f} GiB: it is not read")
    if n_rows is not None and metadata.num_rows != n_rows:
        raise DamagedError(f"{path} has {metadata.num_rows:,} rows, its header says {n_rows:,}")
