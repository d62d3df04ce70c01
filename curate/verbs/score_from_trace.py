"""Scores from the trace of a training run: no image is looked at, and nothing is trained."""

import time
from dataclasses import replace
from pathlib import Path

from curate.artifacts.header import Cost, check_same_dataset, make_header
from curate.artifacts.tables import Column, Table, sample_columns
from curate.data.dataset import Dataset, Options, open_recorded
from curate.manifests.manifest import open_manifest
from curate.progress import Progress
from curate.scores.scorer import presentations
from curate.scores.trace import Trace
from curate.verbs.score_table import Methods, method_options, samples_of, standing_scores, write_scores


def score_from_trace(
    trace: Trace,
    source: str | Path | Dataset | None,
    methods: Methods,
    opening: Options,
    path: Path,
    force: bool,
    progress: Progress,
) -> Table:
    """Write the scores that a trace gives; see `curate.score`."""
    header = make_header(
        "scores",
        "score",
        {**method_options(methods), "n_models": trace.n_models, "n_epochs": trace.n_epochs},
        seed=0,
        dataset=trace.header.dataset,
        parents={"trace": trace.header},
    )
    if standing := standing_scores(path, header, methods, force, progress):
        return standing
    samples = _samples_of(trace, source, opening, progress)
    if trace.samples_seen != trace.size * trace.n_epochs:
        count = presentations(trace)
        if count.min() < count.max():
            progress.note(
                f"{trace.path} presents samples {count.min():.0f} to {count.max():.0f} times, and what is "
                "presented more often is learned better: such scores say less than those of a run that "
                "trains on all samples"
            )
    started = time.perf_counter()
    scores = {}
    with progress.task("score", len(methods), "scores"):
        for name, scorer in methods.items():
            scores[name] = scorer.from_trace(trace)
            progress.advance()
    costed = replace(header, cost=Cost(time.perf_counter() - started, samples_seen=0))
    return write_scores(path, methods, scores, samples, costed, force)


def _samples_of(
    trace: Trace, source: str | Path | Dataset | None, opening: Options, progress: Progress
) -> dict[str, Column]:
    """Index, uid and label of every sample of a trace: from the run's own folder, else from the dataset."""
    beside = trace.path.parent / "manifest.json"
    if source is None and beside.is_file():
        manifest = open_manifest(beside.parent)
        if manifest.header.dataset == trace.header.dataset:
            known = manifest.samples
            return sample_columns(known["uid"], known.get("row"), known["label"])
    recorded = trace.header.dataset
    wanted = None if source is None else source if isinstance(source, Dataset) else str(source)
    dataset = open_recorded(recorded, trace.path, wanted, opening, progress)
    check_same_dataset(recorded, str(trace.path), dataset.header(), dataset.reference)
    return samples_of(dataset)
