"""Scores of what is there already: clusters, an embedding, the trace of a run. And how scores are written."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from curate import finder
from curate.artifacts.header import Header, check_same_dataset, make_header
from curate.artifacts.tables import Column, Table, open_table, write_table
from curate.data.dataset import Dataset, Options, open_dataset, opening_for
from curate.errors import CurateError
from curate.manifests.manifest import open_manifest
from curate.progress import Progress
from curate.scores.scorer import Scores
from curate.scores.trace import Trace
from curate.vectors.embedding import open_embedding

Methods = Mapping[str, Any]  # scorers by name
_A = {"clusters": "a table of clusters (`curate cluster`)", "embedding": "an embedding (`curate embed`)"}


def score_artifact(
    source: str | Path | Dataset | None,
    methods: Methods,
    name: str,
    path: Path,
    force: bool,
    progress: Progress,
) -> Table:
    """Scores from clusters or an embedding."""
    scorer = methods[name]
    kind = scorer.reads[0]
    if not isinstance(source, str | Path) or not Path(source).is_file():
        named = source.reference if isinstance(source, Dataset) else source or "nothing"
        raise CurateError(f"{name} is made from {_A[kind]}, and {named} is none: make one first")
    started = time.perf_counter()
    columns: dict[str, Column] = {}
    if kind == "clusters":
        table = open_table(source, ("clusters",))
        parent, n = table.header, len(table)
        columns |= table.columns | {name: scorer.from_clusters(table)}
    else:
        embedding = open_embedding(source)
        parent, n = embedding.header, embedding.n
        columns |= {"index": np.arange(n), "uid": embedding.uids}
        columns |= {"label": embedding.labels} if embedding.labels is not None else {}
        columns |= scorer.from_embedding(embedding, progress)
    header = make_header(
        "scores",
        "score",
        method_options(methods),
        seed=0,
        dataset=parent["dataset"],
        parents={kind: parent},
    )
    header["columns"] = {name: {"hard_is": scorer.hard_is}}
    header["cost"] = {"seconds": time.perf_counter() - started, "samples_seen": 0}
    return write_table(path, header, columns, force)


def score_trace(
    trace: Trace,
    source: str | Path | Dataset | None,
    methods: Methods,
    opening: Options,
    path: Path,
    force: bool,
    progress: Progress,
) -> Table:
    """Scores from a trace, without a look at an image."""
    samples = _samples_of(trace, source, opening, progress)
    started = time.perf_counter()
    found = {}
    with progress.task("score", len(methods), "scores"):
        for name, scorer in methods.items():
            found[name] = scorer.from_trace(trace)
            progress.advance()
    header = make_header(
        "scores",
        "score",
        {
            **method_options(methods),
            "n_models": trace.n_models,
            "n_epochs": trace.n_epochs,
        },
        seed=0,
        dataset=trace.header["dataset"],
        parents={"trace": trace.header},
    )
    header["cost"] = {"seconds": time.perf_counter() - started, "samples_seen": 0}
    return scores_table(path, methods, found, samples, header, force)


def scores_table(
    path: Path,
    methods: Methods,
    found: Mapping[str, Scores],
    samples: Mapping[str, Column],
    header: Header,
    force: bool,
) -> Table:
    """Write scores `[models, n]` by method as a table: mean or sum over the models, and the spread.

    `samples` are the columns that every table has.
    """
    columns = dict(samples)
    ranking: dict[str, dict[str, Any]] = {}
    for name, scores in found.items():
        scorer = methods[name]
        _refuse_unknown(name, scores)
        columns[name] = scores.sum(0) if scorer.over_models == "sum" else scores.mean(0)
        ranking[name] = {"hard_is": scorer.hard_is}
        runs = header["options"]["n_models"] if scorer.over_models == "sum" else 1
        unlearned = scorer.unlearned(header["options"]["n_epochs"] * runs)
        if unlearned is not None:
            ranking[name]["unlearned_beyond"] = unlearned
        if len(scores) > 1 and scorer.over_models == "mean":
            columns[f"{name}_std"] = scores.std(0, ddof=1)
    header["columns"] = ranking
    return write_table(path, header, columns, force)


def method_options(methods: Methods) -> dict[str, Any]:
    """What a header says of the methods: their names, and the options of those that have any."""
    own = {name: finder.settings(scorer) for name, scorer in methods.items()}
    return {"method": ",".join(methods), "method_options": {name: own[name] for name in own if own[name]}}


def samples_of(dataset: Dataset) -> dict[str, Column]:
    """The columns that every table of a dataset has."""
    columns: dict[str, Column] = {"index": np.arange(len(dataset)), "uid": dataset.uids}
    return columns | ({"label": dataset.labels} if dataset.labels is not None else {})


def _samples_of(
    trace: Trace, source: str | Path | Dataset | None, opening: Options, progress: Progress
) -> dict[str, Column]:
    """Index, uid and label of every sample of a trace: from the run's own folder, else from the dataset."""
    beside = trace.path.parent / "manifest.json"
    if source is None and beside.is_file():
        manifest = open_manifest(beside.parent)
        if manifest.header["dataset"] == trace.header["dataset"]:
            return {name: manifest.samples[name] for name in ("index", "uid", "label")}
    recorded = trace.header["dataset"]
    wanted = None if source is None else source if isinstance(source, Dataset) else str(source)
    dataset = open_dataset(wanted or recorded["reference"], opening_for(recorded, opening, wanted), progress)
    check_same_dataset(recorded, str(trace.path), dataset.header(), dataset.reference)
    return samples_of(dataset)


def _refuse_unknown(name: str, scores: Scores) -> None:
    """A score that is no number is named; nothing is ever ranked by it."""
    wrong = np.argwhere(~np.isfinite(scores))
    if len(wrong):
        model, sample = wrong[0]
        raise CurateError(
            f"{name} of sample {sample} by model {model} is {scores[model, sample]} ({len(wrong):,} such): "
            "it was never seen in training, or the model diverged; use a run that sees all, or a smaller --lr"
        )
