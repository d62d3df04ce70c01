"""The Manifest noun: a folder that says which samples to train on, per epoch, and why.

    manifest.json      header, summary, sha256 of the data files beside it, and a seal over all of that
    selection.parquet  epoch int32, index int64 [, weight float32]; sorted; one row group per epoch
    samples.parquet    one row per sample: index, row, uid, label, n_selected, and what else is known
    README.md          the card, for people; it may be edited, so it alone has no hash

A static manifest has the single epoch 0, which stands for all epochs. `index` is curate's own count of the
samples; `row` is their place in the source as other libraries count.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from curate.artifacts.arrow import array_of, read_table, values_of
from curate.artifacts.files import atomic_file, atomic_folder, or_beside
from curate.artifacts.header import Header, read_header
from curate.artifacts.header_schema import MOST_BYTES
from curate.artifacts.kinds import MANIFEST
from curate.artifacts.reading import damage_as_one_line, open_parquet, read_bounded
from curate.artifacts.seal import UNSEALED, check_seal, file_sha256, seal_file
from curate.artifacts.tables import Column, check_plain, check_sizes
from curate.data.dataset import Dataset, counts_as_its_source
from curate.data.identity import Indices, bring
from curate.errors import CurateError, DamagedError, MismatchError
from curate.manifests.card import card
from curate.manifests.content import check_content_once
from curate.manifests.samples import Columns, write_columns
from curate.text import readable

SELECTION, SAMPLES, HEADER, CARD = "selection.parquet", "samples.parquet", MANIFEST, "README.md"

LEFT_OUT = ("model.safetensors", "metrics.parquet", "trace.parquet")  # what a published copy may lack
_SMALL_BYTES, _MOST_TIMES = 64 * 2**20, 100  # what samples may unpack to, and as a multiple of their file
_FILE_NAME = re.compile(r"[\w.-]{1,100}")

Weights = npt.NDArray[np.float32]
Counts = npt.NDArray[np.int32]


@dataclass(frozen=True)
class Selected:
    """The samples of one epoch: sorted indices, and their loss weights where they have any."""

    indices: Indices
    weights: Weights | None = None


@dataclass(frozen=True)
class Manifest:
    """An opened and verified manifest folder."""

    path: Path
    header: Header

    def __len__(self) -> int:
        """Selected samples, those of all epochs together: the rows of selection.parquet."""
        return sum(self.n_selected(epoch) for epoch in range(self.n_epochs))

    def __repr__(self) -> str:
        kept = f"{self.header.summary['n_selected_per_epoch']:,.0f} of {self.n:,} samples"
        epochs = "in every epoch" if self.is_static else f"in each of {self.n_epochs:,} epochs"
        return f"<Manifest {self.path}: {kept} of {self.header.dataset.reference} {epochs}>"

    @property
    def n_epochs(self) -> int:
        """How many epochs have a selection of their own: 1 when static."""
        return int(self.header.summary["n_epochs"])

    @property
    def is_static(self) -> bool:
        """Whether one selection stands for all epochs."""
        return self.n_epochs == 1

    @property
    def has_weights(self) -> bool:
        """Whether the samples that it selects weigh differently in the loss."""
        return "weight" in self._selection.schema_arrow.names

    @property
    def n(self) -> int:
        """Samples in the dataset."""
        return int(self.header.dataset.n)

    @property
    def n_rows(self) -> int:
        """Samples in the source as other libraries count them; as many as in the dataset, where unknown."""
        return int(self.header.dataset.n_rows or self.n)

    @cached_property
    def rows(self) -> Indices:
        """The place of each sample in the source, int64 `[n]`; −1 for one that other libraries leave out.

        A manifest from before rows were written down is refused where they could differ from indices.
        """
        if "row" in self.samples:
            return self.samples["row"]
        if not counts_as_its_source(self.header.dataset, self.samples["uid"]):
            raise CurateError(
                f"{self.path} was made before rows were written down, and its indices may not be those of "
                f"{self.header.dataset.reference} for other libraries: make it again with this version"
            )
        return np.arange(self.n)

    def selected(self, epoch: int) -> Selected:
        """The samples of an epoch, read without the others; a static manifest repeats its one epoch."""
        group = self._group(epoch)
        with _damage(self.path / SELECTION):
            return _selected_of(self._selection.read_row_group(group))

    def weights(self, epoch: int) -> Weights:
        """The loss weight of each sample in an epoch, float32 `[n]`: 0 where it is not selected."""
        selected = self.selected(epoch)
        weights = np.zeros(self.n, np.float32)
        weights[selected.indices] = 1 if selected.weights is None else selected.weights
        return weights

    def n_selected(self, epoch: int) -> int:
        """How many samples an epoch selects, without reading them."""
        return int(self._selection.metadata.row_group(self._group(epoch)).num_rows)

    @cached_property
    def samples(self) -> Mapping[str, Column]:
        """The columns of samples.parquet, each `[n]`, in order of index; one is read when it is asked for."""
        with _damage(self.path / SAMPLES):
            return Columns(self.path / SAMPLES)

    def _group(self, epoch: int) -> int:
        """The row group of an epoch."""
        group = 0 if self.is_static else epoch
        if not 0 <= group < self.n_epochs:
            raise CurateError(f"{self.path} has epochs 0 to {self.n_epochs - 1}, not {epoch}")
        return group

    @cached_property
    def _selection(self) -> Any:
        return open_parquet(self.path / SELECTION, pages=False)


def rows_of(manifest: Manifest, indices: Indices) -> Indices:
    """The places in the source of the samples at `indices`, in that order; other libraries must have them."""
    rows = manifest.rows[indices]
    if len(rows) and rows.min() < 0:
        raise CurateError(
            f"{int((rows < 0).sum()):,} selected samples of {manifest.path}, such as sample "
            f"{indices[np.argmin(rows)]}, are files that torchvision's ImageFolder does not read: list the "
            "files with `curate export --to imagefolder-list`"
        )
    return rows


def write_manifest(
    folder: Path,
    header: Header,
    selection: Iterable[Selected],
    samples: Mapping[str, Column],
    *,
    force: bool = False,
    extras: Callable[[Path], None] | None = None,
) -> Manifest:
    """Write a manifest folder in one atomic step.

    `samples` holds columns `[n]`, `index`, `uid` and, where known, `label` among them; `n_selected` is
    counted here. `extras` may put more files (weights, metrics) into the folder before it is sealed.
    """
    n = len(samples["index"])
    with atomic_folder(folder, force) as temporary:
        n_selected = np.zeros(n, np.int32)
        n_epochs, n_rows = _write_selection(temporary / SELECTION, selection, n_selected)
        columns = {name: samples[name] for name in ("index", "row", "uid", "label") if name in samples}
        columns["n_selected"] = n_selected  # written as int64, as all counts are
        columns.update({name: column for name, column in samples.items() if name not in columns})
        write_columns(temporary / SAMPLES, columns)
        if extras:
            extras(temporary)
        summary = {
            "n_epochs": n_epochs,
            "n_selected_per_epoch": n_rows / n_epochs,
            "keep": round(n_rows / n_epochs / n, 6),
            **header.summary,
        }
        files = {file.name: file_sha256(file) for file in sorted(temporary.iterdir())}
        full = replace(header, summary=summary, files=files, sha256=UNSEALED)
        (temporary / HEADER).write_text(json.dumps(full.to_json(), indent=1, sort_keys=True) + "\n")
        full = replace(full, sha256=seal_file(temporary / HEADER))
        (temporary / CARD).write_text(card(folder.absolute().name, full, columns), encoding="utf-8")
    return Manifest(folder, full)


def open_manifest(folder: str | Path) -> Manifest:
    """Open a manifest folder and verify it: the seal, every hash, every schema and size."""
    folder = Path(folder)
    path = folder / HEADER
    if not path.is_file():
        if folder.name.endswith(".unfinished"):
            raise CurateError(
                f"{folder} is a run that has not come to its end: `curate status` says how to go on"
            )
        what = "is not a manifest folder: it has no manifest.json" if folder.exists() else "does not exist"
        raise CurateError(f"{folder} {what}; make one with `curate select`{or_beside(folder)}")
    header = read_header(read_bounded(path, MOST_BYTES), path, ("manifest",))
    check_seal(path)
    for name in (SELECTION, SAMPLES):
        if name not in header.files:
            raise DamagedError(f"{folder} is incomplete: {HEADER} does not name {name}; copy it anew")
    for name, expected in header.files.items():
        file = folder / name
        if not _FILE_NAME.fullmatch(name) or Path(name).name != name or file.is_symlink():
            raise DamagedError(
                f"{folder} names a file that is not its own ({readable(name):.80}): copy it anew"
            )
        if not file.is_file():
            if name in LEFT_OUT:
                continue
            raise DamagedError(f"{folder} is incomplete: {name} is missing; copy it anew")
        if file_sha256(file) != expected:
            raise DamagedError(f"{file} is damaged: its sha256 is not the one in {HEADER}; copy it anew")
    with _damage(folder):
        selection, samples = open_parquet(folder / SELECTION), open_parquet(folder / SAMPLES)
        check_sizes(selection, None, folder / SELECTION)
        check_sizes(samples, header.dataset.n, folder / SAMPLES)
        _check_selection(selection, header, folder / SELECTION)
        _check_samples(samples, folder / SAMPLES)
        check_content_once(selection, samples, header, folder)
    return Manifest(folder, header)


def _damage(path: Path) -> AbstractContextManager[None]:
    return damage_as_one_line(path, "manifest", "copy it anew")


def _check_selection(file: Any, header: Header, path: Path) -> None:
    """Refuse a selection that is not what its header says, from its own description alone."""
    types = {field.name: str(field.type) for field in file.schema_arrow}
    if {**types, "weight": "float"} != {"epoch": "int32", "index": "int64", "weight": "float"}:
        raise DamagedError(f"{path} has columns {types}, not those of a selection: copy it anew")
    if file.num_row_groups != header.summary["n_epochs"]:
        raise DamagedError(f"{path} has {file.num_row_groups} epochs: copy it anew")
    for group in range(file.num_row_groups):
        n_rows = file.metadata.row_group(group).num_rows
        if n_rows > header.dataset.n:
            raise DamagedError(f"{path} selects {n_rows:,} samples in epoch {group}, more than there are")


def _check_samples(file: Any, path: Path) -> None:
    """Refuse samples of other types, or that unpack to far more than a file of that size can hold."""
    check_plain(file.schema_arrow, path)
    unpacked, size = 8 * file.metadata.num_rows * len(file.schema_arrow), path.stat().st_size
    if unpacked > max(_SMALL_BYTES, _MOST_TIMES * size):
        raise DamagedError(
            f"{path} has {size:,} bytes and unpacks to {unpacked / 2**20:,.0f} MiB: it is not read"
        )


def follow(manifest: Manifest, dataset: Dataset) -> tuple[Dataset, Indices, str]:
    """The dataset as the manifest counts it: its sample i is the manifest's sample i.

    Where the fingerprints differ, samples are found by uid and occurrence, so a re-ordered, renamed or
    extended copy serves. Returns that dataset, the indices that exist in it, and one line on what was
    done (empty when nothing was). Selected samples that are missing, or any that are labelled differently,
    are an error; samples that are missing otherwise are missing in the dataset returned.
    """
    everything = np.arange(manifest.n)
    if dataset.fingerprint == manifest.header.dataset.fingerprint:
        return dataset, everything, ""
    samples = manifest.samples
    needed = np.zeros(manifest.n, np.bool_)
    for epoch in range(manifest.n_epochs):
        needed[manifest.selected(epoch).indices] = True

    def complaint(missing: npt.NDArray[np.bool_]) -> str:
        return _complaint(manifest, dataset, missing)

    rows = bring(samples["uid"], dataset.uids, needed, complaint=complaint)
    present = rows >= 0
    labels = None if dataset.labels is None else dataset.labels[np.maximum(rows, 0)]
    if "label" in samples and labels is not None:
        before, now = samples["label"], labels
        names = manifest.header.dataset.classes
        if set(names) == set(dataset.classes):  # else the same classes go by other names: compare numbers
            before, now = np.array(names)[before], np.array(dataset.classes)[now]
        _refuse_relabelled(manifest, dataset, present & (before != now), before, now)
    moved = int((rows != everything)[present].sum())
    note = (
        f"{dataset.reference} is another copy of the dataset: all {int(needed.sum()):,} selected samples "
        f"found by uid ({moved:,} moved, {len(dataset) - int(present.sum()):,} new ones left aside, "
        f"{int((~present).sum()):,} not selected and gone)"
    )
    return dataset.placed(rows, samples["uid"], labels), np.flatnonzero(present), note


def _complaint(manifest: Manifest, dataset: Dataset, missing: npt.NDArray[np.bool_]) -> str:
    """What to say where selected samples are missing from a dataset."""
    uids = manifest.samples["uid"]
    shown = ", ".join(f"{index} (uid {uids[index]:016x})" for index in np.flatnonzero(missing)[:3])
    return (
        f"{dataset.reference} ({dataset.options.split}, fingerprint {dataset.fingerprint[:12]}) is not "
        f"the dataset of {manifest.path} (fingerprint {manifest.header.dataset.fingerprint[:12]}): "
        f"{int(missing.sum()):,} selected samples are not in it, such as {shown}; "
        "name the right one with --data"
    )


def _refuse_relabelled(
    manifest: Manifest, dataset: Dataset, differs: npt.NDArray[np.bool_], before: Any, now: Any
) -> None:
    if differs.any():
        index = int(np.flatnonzero(differs)[0])
        raise MismatchError(
            f"{dataset.reference} labels {int(differs.sum()):,} samples otherwise than "
            f"{manifest.path}: "
            f"sample {index} (uid {manifest.samples['uid'][index]:016x}) is class {now[index]} there and "
            f"{before[index]} in the manifest; name data with the same labels with --data"
        )


def write_epoch(path: Path, epoch: int, selected: Selected) -> None:
    """One epoch's selection as a file of its own, in the columns of a manifest; replaces what is there."""
    with atomic_file(path, force=True) as temporary:
        _write_selection(temporary, [selected], first=epoch)


def read_epoch(path: Path) -> Selected:
    """What `write_epoch` wrote."""
    return _selected_of(read_table(path))


def _selected_of(table: Any) -> Selected:
    weights = values_of(table.column("weight")) if "weight" in table.column_names else None
    return Selected(values_of(table.column("index")), weights)


def _write_selection(
    path: Path, selection: Iterable[Selected], counts: Counts | None = None, first: int = 0
) -> tuple[int, int]:
    """One row group per epoch, the first being `first`; returns the number of epochs and of rows.

    `counts` int32 `[n]` is raised by one for every epoch that selects a sample.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    writer = None
    n_epochs = n_rows = 0
    for epoch, selected in enumerate(selection, first):
        indices = selected.indices
        assert (indices[1:] > indices[:-1]).all(), "indices must be sorted and unique"
        if counts is not None:
            counts[indices] += 1
        own = indices.astype(np.int64, copy=False)
        columns = {
            "epoch": array_of(np.full(len(indices), epoch, np.int32)),
            "index": array_of(own),
        }
        if selected.weights is not None:
            columns["weight"] = array_of(selected.weights.astype(np.float32))
        if writer is None:
            schema = pa.table(columns).schema
            delta = dict.fromkeys(("epoch", "index"), "DELTA_BINARY_PACKED")
            writer = pq.ParquetWriter(
                path, schema, compression="zstd", use_dictionary=False, column_encoding=delta
            )
        writer.write_table(pa.table(columns), row_group_size=max(1, len(indices)))
        n_epochs, n_rows = n_epochs + 1, n_rows + len(indices)
    if writer is None:
        raise CurateError("a manifest needs at least one epoch")
    writer.close()
    return n_epochs, n_rows
