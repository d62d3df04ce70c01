"""What training leaves behind: a record of each epoch of a run, and what a trial came to."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

from curate.artifacts.arrow import column_of, read_table

if TYPE_CHECKING:
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


@dataclass(frozen=True)
class Trial:
    """One training run of one seed, tested after its last epoch; accuracies in 0..1.

    `accuracy_per_epoch` has NaN where the test set was not looked at.
    """

    seed: int
    accuracy: float
    worst_class: float
    test_loss: float
    samples_seen: int
    select_seconds: float
    train_seconds: float
    evaluate_seconds: float
    accuracy_per_epoch: list[float]
    weights_sha256: str


def record_of(epoch: "Epoch", test: "Evaluation | None", evaluate_seconds: float = 0.0) -> Record:
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
        field.name: column_of([row[field.name] for row in rows], types[field.type])  # type: ignore[index]
        for field in fields(Record)
        if field.name not in _NO_METRICS
    }
    pq.write_table(pa.table(table), path)


def read_metrics(path: Path) -> list[Record]:
    """The records that `write_metrics` wrote; the seconds are 0."""
    return [Record(**row, select_seconds=0.0, train_seconds=0.0) for row in read_table(path).to_pylist()]
