"""What a run leaves behind: a record per epoch, and what became known of every sample."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from curate.artifacts.tables import Column
from curate.manifests.manifest import Selected
from curate.selection.groups import FEWEST_CHECKPOINTS, columns, count_selected, fit_groups, plain_counts
from curate.training.evaluate import Evaluation
from curate.training.loop import Epoch


@dataclass(frozen=True)
class Record:
    """What is kept of one finished epoch; accuracies in 0..1, None where the test set was not looked at.

    `asked`, `checkpoint`, `changed` and `n_classes_lacking` are those of Epoch.
    """

    epoch: int
    asked: bool
    checkpoint: int
    changed: float | None
    n_classes_lacking: int
    n_selected: int
    samples_seen: int
    lr: float
    train_loss: float
    train_accuracy: float
    test_accuracy: float | None
    test_worst_class: float | None
    test_loss: float | None
    select_seconds: float
    train_seconds: float
    evaluate_seconds: float = 0.0


_NO_METRICS = ("select_seconds", "train_seconds", "evaluate_seconds")  # they differ from run to run


def record_of(epoch: Epoch, test: Evaluation | None, evaluate_seconds: float = 0.0) -> Record:
    """The record of an epoch and of the test after it."""
    return Record(
        epoch=epoch.epoch,
        asked=epoch.asked,
        checkpoint=epoch.checkpoint,
        changed=epoch.changed,
        n_classes_lacking=epoch.n_classes_lacking,
        n_selected=len(epoch.selected.indices),
        samples_seen=epoch.samples_seen,
        lr=epoch.lr,
        train_loss=epoch.loss,
        train_accuracy=epoch.accuracy,
        test_accuracy=test.accuracy if test else None,
        test_worst_class=test.worst_class if test else None,
        test_loss=test.loss if test else None,
        select_seconds=epoch.select_seconds,
        train_seconds=epoch.train_seconds,
        evaluate_seconds=evaluate_seconds,
    )


def write_metrics(path: Path, records: Sequence[Record]) -> None:
    """One row per epoch, without what differs from run to run; null where the test set was not looked at."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    types = {int: pa.int64(), bool: pa.bool_(), float: pa.float64(), float | None: pa.float64()}
    rows = [asdict(record) for record in records]
    table = {
        field.name: pa.array([row[field.name] for row in rows], types[field.type])  # type: ignore[index]
        for field in fields(Record)
        if field.name not in _NO_METRICS
    }
    pq.write_table(pa.table(table), path)


def read_metrics(path: Path) -> list[Record]:
    """The records that `write_metrics` wrote; the seconds are 0."""
    import pyarrow.parquet as pq

    return [Record(**row, select_seconds=0.0, train_seconds=0.0) for row in pq.read_table(path).to_pylist()]


def known_of_samples(state: Mapping[str, Any], n: int) -> dict[str, Column]:
    """Columns `[n]` from the final state of a run: what the policy remembers in floats, and the guard's view.

    `guard_margin` is the mean margin by which the guard goes; `trusted` is false for a sample that the guard
    kept from the policy at the last checkpoint.
    """
    columns_known = {
        name: value.numpy()
        for name, value in state["memory"].items()
        if value.is_floating_point() and tuple(value.shape) == (n,)
    }
    seen = state["observer"]
    if "margin_sum" in seen:
        columns_known["guard_margin"] = (seen["margin_sum"] / seen["n_margins"]).numpy()
        columns_known["trusted"] = ~seen["distrusted"].numpy()
    return columns_known


def group_samples(
    selection: Iterable[Selected], records: Sequence[Record], n: int
) -> tuple[dict[str, Any], dict[str, Column]]:
    """How often a session selected each sample: a summary for the header, and columns `[n]`.

    `selection` is that of every epoch; epochs in which the policy was not asked do not count. Groups are
    fitted from FEWEST_CHECKPOINTS checkpoints on.
    """
    decided = (selected.indices for selected, record in zip(selection, records, strict=True) if record.asked)
    counts = count_selected(decided, n)
    n_checkpoints = sum(record.asked for record in records)
    summary: dict[str, Any] = {"selected": plain_counts(counts, n_checkpoints)}
    known: dict[str, Column] = {"n_checkpoints_selected": counts}
    if n_checkpoints >= FEWEST_CHECKPOINTS:
        groups = fit_groups(counts, n_checkpoints)
        summary |= {"groups": groups.summary(), "random_explains_groups": groups.random_explains}
        known |= columns(groups, counts)
    return summary, known
