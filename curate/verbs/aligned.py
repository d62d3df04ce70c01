"""Tables and manifests of one dataset, opened and brought into one order of samples: that of the first.

Where fingerprints are equal, sample i is row i of each. Where they differ, samples are found by uid, and
only another order of the very same samples is accepted. Nothing else is ever joined.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from curate.artifacts.files import as_path
from curate.artifacts.header import DatasetReference, other_dataset
from curate.artifacts.tables import Column, Table, open_table
from curate.data.identity import Indices, Labels, Uids, bring
from curate.errors import CurateError, MismatchError
from curate.manifests.manifest import Manifest
from curate.progress import LOGGED, Progress
from curate.sharing.cache import is_remote
from curate.sharing.opening import open_any

Thing = str | Path | Table | Manifest
Values = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Aligned:
    """One table or manifest; `rows` int64 `[n]` says which of its rows is sample i of the first.

    `own_column` is the one that ranks, where a table stands for one of its columns.
    """

    opened: Table | Manifest
    rows: Indices
    own_column: str | None = None

    @property
    def name(self) -> str:
        """Its path, as the user wrote it; with the column, where it stands for one."""
        return f"{self.opened.path}:{self.own_column}" if self.own_column else str(self.opened.path)

    @property
    def dataset(self) -> DatasetReference:
        """What its header says of the dataset."""
        return self.opened.header.dataset

    @property
    def uids(self) -> Uids:
        """The uid of each sample."""
        uids: Uids = _columns(self.opened)["uid"][self.rows]
        return uids

    @property
    def labels(self) -> Labels | None:
        """The label of each sample, in its own numbering of the classes, or None."""
        return _columns(self.opened)["label"][self.rows] if "label" in _columns(self.opened) else None

    @cached_property
    def selected(self) -> npt.NDArray[np.bool_] | None:
        """Which samples a manifest selects in any epoch; None for a table."""
        if isinstance(self.opened, Table):
            return None
        return np.asarray(self.opened.samples["n_selected"] > 0)[self.rows]

    def ranking(self, column: str | None) -> tuple[str, Values]:
        """What it ranks samples by, and the values `[n]`: the highest is kept first.

        A table ranks by hardness, in `column` or its first one that ranks. A manifest of `select` knows
        the rank of every sample; another one says only how often it selects it.
        """
        if isinstance(self.opened, Table):
            name, values = self.opened.ranking(self.own_column or column or "")
            return name, values[self.rows]
        header, samples = self.opened.header, self.opened.samples
        ranked = self.opened.is_static and header.command == "select" and "rank" in samples
        name, sign = ("rank", -1.0) if ranked else ("n_selected", 1.0)
        return name, sign * samples[name][self.rows].astype(np.float64)


def open_aligned(things: Sequence[Thing], progress: Progress = LOGGED) -> tuple[list[Aligned], list[str]]:
    """Open two or more things and align them; the notes say of each re-ordered copy what was done.

    One table with several columns that rank stands for all of them.
    """
    opened = [_open(thing, progress) for thing in things]
    if len(opened) == 1 and isinstance(opened[0], Table) and len(opened[0].ranking_columns) > 1:
        rows = np.arange(len(opened[0]))
        return [Aligned(opened[0], rows, name) for name in opened[0].ranking_columns], []
    if len(opened) < 2:
        raise CurateError(
            f"{len(things)} given, compare needs 2 or more: name tables (.parquet) or manifest folders of "
            "one dataset, or a table with several scores"
        )
    first = opened[0]
    uids = _columns(first)["uid"]
    aligned, notes = [], []
    for other in opened:
        rows = np.arange(len(uids))
        if other.header.dataset.fingerprint != first.header.dataset.fingerprint:
            rows = _rows_by_uid(first, uids, other)
            moved = int((rows != np.arange(len(uids))).sum())
            notes.append(
                f"{other.path} is of another copy of the dataset than {first.path}: all {len(rows):,} "
                f"samples found by uid ({moved:,} moved)"
            )
        aligned.append(Aligned(other, rows))
    return aligned, notes


def agreed_labels(things: Sequence[Aligned]) -> tuple[Labels, list[str]] | None:
    """The labels `[n]` and class names that all things share, None where none has any.

    The same pixels may be labelled otherwise in another copy; then there is no label to speak of.
    """
    labelled = [(thing, thing.labels) for thing in things]
    known = [(thing, labels) for thing, labels in labelled if labels is not None]
    if not known:
        return None
    first, labels = known[0]
    names = first.dataset.classes
    for other, theirs in known[1:]:
        classes = other.dataset.classes
        if classes != names and set(classes) == set(names):  # the same classes, numbered otherwise
            theirs = np.array([names.index(name) for name in classes])[theirs]  # noqa: PLW2901
        differs = np.flatnonzero(theirs != labels)
        if differs.size:
            raise MismatchError(
                f"{other.name} labels {differs.size:,} samples otherwise than {first.name}, such as sample "
                f"{differs[0]} (uid {_columns(things[0].opened)['uid'][differs[0]]:016x}): compare things "
                "with the same labels, or leave classes and set algebra out"
            )
    return labels, names


def _open(thing: Thing, progress: Progress) -> Table | Manifest:
    if isinstance(thing, Table | Manifest):
        return thing
    path = as_path(thing, "table or manifest")
    if is_remote(thing) or path.is_dir():
        return open_any(thing, progress)
    if not path.exists():
        raise CurateError(f"there is no table or manifest {path}: name a .parquet table or a manifest folder")
    return open_table(path)


def _columns(opened: Table | Manifest) -> Mapping[str, Column]:
    return opened.columns if isinstance(opened, Table) else opened.samples


def _rows_by_uid(first: Table | Manifest, uids: Uids, other: Table | Manifest) -> Indices:
    theirs = _columns(other)["uid"]
    text = other_dataset(first.header.dataset, str(first.path), other.header.dataset, str(other.path))
    if len(theirs) != len(uids):
        raise MismatchError(text)
    return bring(uids, theirs, complaint=lambda _: text)
