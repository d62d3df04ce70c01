"""What a manifest says is checked against itself as it is opened: every epoch, every sample, every number.

Hashes tell that a file is the one that was sealed, not that whoever sealed it wrote the truth. One pass over
the row groups tells whether indices are sorted, unique and those of samples, whether epochs are where they
are said to be, whether weights weigh, and whether what is counted adds up.
"""

import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from curate.artifacts.arrow import values_of
from curate.artifacts.cache import cache_folder
from curate.artifacts.header import Header
from curate.artifacts.tables import check_samples
from curate.data.identity import Indices
from curate.errors import DamagedError

_VERSION = 1  # of the checks: raise it where they become stricter
_ROUNDING, _MOST = 1e-6, 2**40
_NUMBERED = ("index", "uid", "row", "label", "n_selected", "cluster", "rank", "n_checkpoints_selected")
_KINDS = {"trusted": "bool", "reason": "string", "group": "string"}  # of columns that curate reads by name


def check_content_once(selection: Any, samples: Any, header: Header, folder: Path) -> None:
    """Like `check_content`, of a manifest whose hashes are right, and whose seal no other content can have.

    What was found in order is noted in the cache by its seal, and is not read again: so the pass costs next
    to nothing beside the hashes, but for the first time on a machine.
    """
    noted = os.path.join(cache_folder(), f"checked-{_VERSION}", header.sha256)
    if os.path.exists(noted):
        return
    check_content(selection, samples, header, folder)
    with suppress(OSError):
        os.makedirs(os.path.dirname(noted), exist_ok=True)
        Path(noted).touch()


def check_content(selection: Any, samples: Any, header: Header, folder: Path) -> None:
    """Refuse a manifest whose files, opened by pyarrow, contradict themselves or its header."""
    counts = np.zeros(header.dataset.n, np.int32)
    total = 0
    for group in range(selection.num_row_groups):
        indices = _check_epoch(selection.read_row_group(group), group, header.dataset.n, folder)
        counts[indices] += 1
        total += len(indices)
    _check_summary(header, selection.num_row_groups, total, folder)
    for field in samples.schema_arrow:
        if str(field.type) != _KINDS.get(field.name, str(field.type)):
            raise _wrong(folder, f"its {field.name} is {field.type}, and not {_KINDS[field.name]}")
    columns = [name for name in _NUMBERED if name in samples.schema_arrow.names]
    start = 0
    for group in range(samples.num_row_groups):
        table = samples.read_row_group(group, columns)
        _check_samples(table, start, counts[start : start + len(table)], header, folder)
        start += len(table)


def _check_epoch(table: Any, group: int, n: int, folder: Path) -> Indices:
    """The indices of an epoch: sorted, unique, of samples that there are; weights that can weigh."""
    for name in table.column_names:
        if table.column(name).null_count:
            raise _wrong(folder, f"epoch {group} has no {name} in some places")
    indices: Indices = values_of(table.column("index"))
    rises = bool((indices[1:] > indices[:-1]).all())
    if len(indices) and not (rises and indices[0] >= 0 and indices[-1] < n):
        raise _wrong(folder, f"the indices of epoch {group} are not sorted, each once, from 0 to {n - 1:,}")
    epochs = values_of(table.column("epoch"))
    if not (epochs == group).all():
        raise _wrong(folder, f"epoch {group} says that it is epoch {epochs[epochs != group][0]}")
    if "weight" in table.column_names:
        weights = values_of(table.column("weight"))
        if not (np.isfinite(weights) & (weights >= 0)).all():
            raise _wrong(folder, f"weights of epoch {group} are negative, or no numbers")
    return indices


def _check_summary(header: Header, n_epochs: int, total: int, folder: Path) -> None:
    """What the header counts is what there is."""
    each = total / n_epochs
    is_so = {"n_selected_per_epoch": each, "keep": round(each / max(1, header.dataset.n), 6)}
    is_so |= {"n_kept": total} if n_epochs == 1 else {}
    for name, expected in is_so.items():
        said = header.summary.get(name, expected)
        if abs(said - expected) > _ROUNDING * max(1.0, expected):
            raise _wrong(folder, f"its header says {name}={said}, and it is {expected:,.6g}")


def _check_samples(
    table: Any, start: int, counts: npt.NDArray[np.int32], header: Header, folder: Path
) -> None:
    """Samples from `start` on stand in order, and have classes and counts that there are."""
    columns: dict[str, npt.NDArray[Any]] = {}
    for name in table.column_names:
        if table.column(name).null_count:
            raise _wrong(folder, f"samples have no {name} in some places")
        columns[name] = values_of(table.column(name))
    check_samples(columns, header, folder, start)
    for name in ("rank", "n_checkpoints_selected"):
        values = columns.get(name)
        if values is None:
            continue
        if values.dtype.kind not in "iu" or (len(values) and not 0 <= values.min() <= values.max() < _MOST):
            raise _wrong(folder, f"its {name} is no count")
    if "n_selected" not in columns or not np.array_equal(columns["n_selected"], counts):
        raise _wrong(folder, "n_selected of its samples is not how often the epochs select them")


def _wrong(folder: Path, what: str) -> DamagedError:
    return DamagedError(f"{folder} contradicts itself: {what}; make it again, or copy it anew")
