"""The Trace noun: what training saw of each sample, epoch by epoch, as one Parquet file.

    epoch    int32     counted from 0; one row group each
    model    int16     counted from 0, where several models were trained
    index    int64     the sample; rows are sorted by epoch, model and index
    loss, margin, error   float16: cross-entropy, label logit minus largest other logit, ‖p − y‖₂
    correct  bool      whether the label had the largest logit

All of it is as of the training forward pass, before the update. A sample that was not presented in an
epoch has no row there. Scores are made of traces without another look at an image.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from curate.artifacts.arrow import array_of, read_table
from curate.artifacts.files import atomic_file
from curate.artifacts.header import Header, read_header
from curate.artifacts.reading import damage_as_one_line, open_parquet
from curate.artifacts.seal import check_seal
from curate.artifacts.tables import check_sizes, write_parquet
from curate.errors import CurateError, DamagedError

TRACE = "trace.parquet"
MOST_PLACES = 2**26  # samples times models: rows of one row group, by Arrow's own limit
_AGAIN = "make it again"
_LARGEST = float(np.finfo(np.float16).max)

Half = npt.NDArray[np.float16]


@dataclass(frozen=True)
class Seen:
    """The samples that one model was presented with in one epoch, `[m]` each, sorted by index."""

    index: npt.NDArray[np.int64]
    loss: npt.NDArray[Any]
    margin: npt.NDArray[Any]
    error: npt.NDArray[Any]
    correct: npt.NDArray[np.bool_]


@dataclass(frozen=True)
class TracedEpoch:
    """One epoch of a trace, all models in one: `place` is model · n + index, unique and sorted, `[m]`."""

    epoch: int
    place: npt.NDArray[np.int64]
    loss: Half
    margin: Half
    error: Half
    correct: npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Trace:
    """An opened trace, or the first epochs and models of it."""

    path: Path
    header: Header
    n_epochs: int
    n_models: int

    @property
    def n(self) -> int:
        """Samples in the dataset."""
        return int(self.header.dataset.n)

    @property
    def size(self) -> int:
        """Samples times models: how many places there are."""
        return self.n * self.n_models

    @property
    def samples_seen(self) -> int:
        """Presentations of the run that was traced."""
        return int(self.header.summary["samples_seen"])

    def epochs(self) -> Iterator[TracedEpoch]:
        """The epochs in order, one in memory at a time."""
        for epoch in range(self.n_epochs):
            with damage_as_one_line(self.path, "trace", _AGAIN):
                table = self._file.read_row_group(epoch)
                if any(table.column(name).null_count for name in table.column_names):
                    raise ValueError(f"epoch {epoch} lacks values")
                columns = {name: np.asarray(table.column(name)) for name in table.column_names}
            model = columns["model"].astype(np.int64)
            self._check(epoch, columns, model * self.n + columns["index"])
            here = model < self.n_models
            kept = {name: columns[name][here] for name in ("loss", "margin", "error", "correct")}
            yield TracedEpoch(epoch, (model * self.n + columns["index"])[here], **kept)

    def first(self, n_epochs: int | None, n_models: int | None) -> "Trace":
        """The trace as it was after so many epochs, of the first so many models; None for all."""
        for name, wanted, there in (("epochs", n_epochs, self.n_epochs), ("models", n_models, self.n_models)):
            if wanted is not None and not 1 <= wanted <= there:
                raise CurateError(
                    f"{name}={wanted} is beyond the trace {self.path}: use 1 to {there}, which it has"
                )
        return Trace(self.path, self.header, n_epochs or self.n_epochs, n_models or self.n_models)

    def _check(self, epoch: int, columns: Mapping[str, Any], place: npt.NDArray[np.int64]) -> None:
        """Refuse an epoch whose rows are not those of samples and models that there are, each once."""
        index, model, n_models = columns["index"], columns["model"], int(self.header.summary["n_models"])
        is_so = bool((columns["epoch"] == epoch).all())
        is_so = is_so and (bool((place[1:] > place[:-1]).all()) or len(np.unique(place)) == len(place))
        for values, beyond in ((index, self.n), (model, n_models)):
            is_so = is_so and (not len(values) or (values.min() >= 0 and values.max() < beyond))
        if not is_so:
            raise DamagedError(f"{self.path} contradicts itself in epoch {epoch}: {_AGAIN}")

    @cached_property
    def _file(self) -> Any:
        return open_parquet(self.path, pages=False)


def open_trace(path: str | Path) -> Trace:
    """Open a trace, or the one in the folder of a run, and check it: kind, sizes, seal and columns."""
    path = Path(path)
    if path.is_dir():
        path /= TRACE
    if not path.is_file():
        raise CurateError(
            f"there is no trace {path}: make one with `curate train --trace`, `curate score --trace`, or "
            "Pruner(..., trace=True) in a loop of your own"
        )
    with damage_as_one_line(path, "trace", _AGAIN):
        file = open_parquet(path)
        header = read_header((file.metadata.metadata or {}).get(b"curate"), path, ("trace",))
        check_seal(path)
        check_sizes(file, None, path)
    n_epochs, n_models = header.summary["n_epochs"], header.summary["n_models"]
    if file.num_row_groups != n_epochs or not file.schema_arrow.equals(_schema()):
        raise DamagedError(f"{path} is not the trace that its header describes: make it again")
    return Trace(path, header, n_epochs, n_models)


def write_part(path: Path, epoch: int, models: Sequence[Seen]) -> None:
    """One epoch of all models as a file of its own; replaces what is there."""
    import pyarrow.parquet as pq

    table = _table(epoch, models)
    with atomic_file(path, force=True) as temporary, pq.ParquetWriter(temporary, **_layout()) as writer:
        writer.write_table(table, row_group_size=max(1, len(table)))


def write_seen(path: Path, header: Header, epochs: Iterable[Seen]) -> None:
    """A trace of one model from what it saw in each epoch, in order; see `write_trace`."""
    tables = (_table(epoch, [seen]) for epoch, seen in enumerate(epochs))
    write_parquet(path, header, tables, row_group_size=MOST_PLACES, force=False, **_layout())


def _table(epoch: int, models: Sequence[Seen]) -> Any:
    """The rows of one epoch of all models."""
    import pyarrow as pa

    columns = {
        "epoch": np.full(sum(len(seen.index) for seen in models), epoch, np.int32),
        "model": np.repeat(np.arange(len(models), dtype=np.int16), [len(seen.index) for seen in models]),
        "index": np.concatenate([seen.index for seen in models]),
        **{
            name: np.concatenate([_half(getattr(seen, name)) for seen in models])
            for name in ("loss", "margin", "error")
        },
        "correct": np.concatenate([seen.correct for seen in models]),
    }
    return pa.table(columns, schema=_schema())


def write_trace(
    path: Path, header: Header, parts: Iterable[Path | Sequence[Path]], force: bool = False
) -> Trace:
    """A trace from the parts of its epochs, in order, a row group each.

    An epoch may have a part of each rank, to which models were dealt out in turn. The summary of `header`
    has `n_epochs`, `n_models` and `samples_seen`.
    """
    n_models = header.summary["n_models"]
    tables = (
        read_table(part) if isinstance(part, Path) else _together(list(map(read_table, part)), n_models)
        for part in parts
    )
    sealed = write_parquet(path, header, tables, row_group_size=MOST_PLACES, force=force, **_layout())
    return Trace(path, sealed, header.summary["n_epochs"], header.summary["n_models"])


def _together(tables: Sequence[Any], n_models: int) -> Any:
    """One epoch of all models; model i is number i // ranks in the table of rank i % ranks."""
    import pyarrow as pa
    import pyarrow.compute as pc

    models = []
    for model in range(n_models):
        whole = tables[model % len(tables)]
        rows = whole.filter(pc.equal(whole.column("model"), model // len(tables)))
        number = array_of(np.full(len(rows), model, np.int16))
        models.append(rows.set_column(rows.schema.get_field_index("model"), "model", number))
    return pa.concat_tables(models).combine_chunks()


def _half(values: npt.NDArray[Any]) -> Half:
    """float16, what is too large for it as its largest number."""
    return np.clip(values.astype(np.float32), -_LARGEST, _LARGEST).astype(np.float16)


def _schema() -> Any:
    import pyarrow as pa

    halves = [(name, pa.float16()) for name in ("loss", "margin", "error")]
    return pa.schema(
        [
            ("epoch", pa.int32()),
            ("model", pa.int16()),
            ("index", pa.int64()),
            *halves,
            ("correct", pa.bool_()),
        ]
    )


def _layout() -> dict[str, Any]:
    return {
        "schema": _schema(),
        "compression": "zstd",
        "use_dictionary": False,
        "column_encoding": dict.fromkeys(("epoch", "model", "index"), "DELTA_BINARY_PACKED"),
    }
