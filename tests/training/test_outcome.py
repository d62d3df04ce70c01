"""The records of a run on disk: what differs from run to run is left out, and the rest comes back."""

from dataclasses import replace

import pyarrow.parquet as pq

from curate.training.outcome import Record, read_metrics, write_metrics

RECORD = Record(0, True, 0, None, 1, 20, 20, 0.1, 1.5, 0.5, None, None, None, 0.3, 0.4, 0.5)


def test_records_come_back_without_their_seconds(tmp_path):
    tested = replace(RECORD, epoch=1, changed=0.25, test_accuracy=0.75, test_worst_class=0.5, test_loss=0.9)
    write_metrics(tmp_path / "metrics.parquet", [RECORD, tested])
    timeless = {"select_seconds": 0.0, "train_seconds": 0.0, "evaluate_seconds": 0.0}
    assert read_metrics(tmp_path / "metrics.parquet") == [
        replace(RECORD, **timeless), replace(tested, **timeless),
    ]  # fmt: skip
    assert not [name for name in pq.read_schema(tmp_path / "metrics.parquet").names if "seconds" in name]
