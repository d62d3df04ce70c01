"""What a training run leaves: its selection and its trace, part by part, and in the end its folder."""

from collections.abc import Mapping
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

from curate.artifacts.header import Cost, Header
from curate.artifacts.saved_model import SAVED
from curate.artifacts.tables import sample_columns
from curate.data.dataset import Dataset
from curate.manifests.manifest import Manifest, write_epoch, write_manifest
from curate.networks.learner import Learner, save
from curate.scores.trace import TRACE, write_part, write_trace
from curate.selection.known import group_samples, known_of_samples
from curate.training.loop import Epoch
from curate.training.outcome import Record, write_metrics
from curate.training.unfinished import Unfinished, selection_file, trace_file

METRICS = "metrics.parquet"


def keep_parts(run: Unfinished, epoch: Epoch) -> None:
    """Keep what an epoch was trained on, where that is new, and what it saw, where a trace is asked for."""
    selection, seen = selection_file(epoch.checkpoint), epoch.seen
    if not run.has(selection):
        run.keep(selection, lambda path: write_epoch(path, epoch.checkpoint, epoch.selected))
    if seen is not None:
        run.keep(trace_file(epoch.epoch), lambda path: write_part(path, epoch.epoch, [seen]))


def finish(
    path: Path,
    header: Header,
    run: Unfinished,
    records: list[Record],
    state: Mapping[str, Any],
    data: Dataset,
    learner: Learner,
    force: bool,
) -> Manifest:
    """Write the manifest of a run whose epochs are all done."""
    is_static = all(record.checkpoint == 0 for record in records)
    summary: dict[str, Any] = {
        "policy": header.options["policy"],
        "checkpoints": [0] if is_static else [record.epoch for record in records if record.asked],
        "samples_seen": records[-1].samples_seen,
        "train_loss": records[-1].train_loss,
        "test_accuracy": records[-1].test_accuracy,
        "test_worst_class": records[-1].test_worst_class,
    }
    samples = sample_columns(data.uids, data.rows, data.need_labels("training"))
    seen = state["observer"]
    guarded = "margin_sum" in seen
    samples |= known_of_samples(
        {name: value.numpy() for name, value in state["memory"].items()},
        len(data),
        guard_margin=(seen["margin_sum"] / seen["n_margins"]).numpy() if guarded else None,
        distrusted=seen["distrusted"].numpy() if guarded else None,
    )
    if not is_static:
        counted, columns = group_samples(run.selection(), [record.asked for record in records], len(data))
        summary |= counted
        samples |= columns
    finished = replace(header, summary=summary)

    def extras(folder: Path) -> None:
        save(learner, folder / SAVED)
        write_metrics(folder / METRICS, records)
        if header.options.get("trace"):
            _write_trace(folder / TRACE, finished, run, records)

    selection = islice(run.selection(), 1) if is_static else run.selection()
    return write_manifest(path, finished, selection, samples, force=force, extras=extras)


def _write_trace(path: Path, header: Header, run: Unfinished, records: list[Record]) -> None:
    summary = {"n_epochs": len(records), "n_models": 1, "samples_seen": records[-1].samples_seen}
    parts = [run.path(trace_file(record.epoch)) for record in records]
    cost = Cost(seconds=None, samples_seen=records[-1].samples_seen)  # the bytes of any other such run
    write_trace(path, replace(header, kind="trace", summary=summary, cost=cost), parts)
