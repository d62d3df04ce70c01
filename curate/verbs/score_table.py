"""How scores are written: one table, whatever they were made from."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from curate import finder
from curate.artifacts.files import check_output
from curate.artifacts.header import Header, RankingColumn
from curate.artifacts.standing import note_standing, stands
from curate.artifacts.tables import Column, Table, open_table, sample_columns, write_table
from curate.data.dataset import Dataset
from curate.errors import CurateError
from curate.progress import Progress
from curate.scores.scorer import Scores

Methods = Mapping[str, Any]  # scorers by name


def standing_scores(
    path: Path, header: Header, methods: Methods, force: bool, progress: Progress
) -> Table | None:
    """The table where this very command wrote it already; refuses what else is there.

    Scorers of the user may have changed since: what they made is not known again.
    """
    if (
        not force
        and all(finder.is_ours("scorers", name) for name in methods)
        and stands(path, header.to_json())
    ):
        note_standing(path, progress)
        return open_table(path, ("scores",))
    check_output(path, force)
    return None


def write_scores(
    path: Path,
    methods: Methods,
    scores: Mapping[str, Scores],
    samples: Mapping[str, Column],
    header: Header,
    force: bool,
) -> Table:
    """Write scores `[models, n]` by method as a table: mean or sum over the models, and the spread.

    `samples` are the columns that every table has.
    """
    columns = dict(samples)
    ranking: dict[str, RankingColumn] = {}
    for name, by_model in scores.items():
        scorer = methods[name]
        _refuse_unknown(name, by_model)
        columns[name] = by_model.sum(0) if scorer.over_models == "sum" else by_model.mean(0)
        n_runs = header.options["n_models"] if scorer.over_models == "sum" else 1
        beyond = scorer.unlearned(header.options["n_epochs"] * n_runs)
        ranking[name] = RankingColumn(scorer.hard_is, unlearned_beyond=beyond)
        if len(by_model) > 1 and scorer.over_models == "mean":
            columns[f"{name}_std"] = by_model.std(0, ddof=1)
    return write_table(path, replace(header, columns=ranking), columns, force)


def method_options(methods: Methods) -> dict[str, Any]:
    """What a header says of the methods: their names, and the options of those that have any."""
    own = {name: finder.settings(scorer) for name, scorer in methods.items()}
    return {"method": ",".join(methods), "method_options": {name: own[name] for name in own if own[name]}}


def samples_of(dataset: Dataset) -> dict[str, Column]:
    """The columns that every table of a dataset has."""
    return sample_columns(dataset.uids, dataset.rows, dataset.labels)


def _refuse_unknown(name: str, scores: Scores) -> None:
    """Name the first score that is not finite; nothing is ever ranked by it."""
    wrong = np.argwhere(~np.isfinite(scores))
    if len(wrong):
        model, sample = wrong[0]
        raise CurateError(
            f"{name} of sample {sample} by model {model} is {scores[model, sample]} ({len(wrong):,} such): "
            "it was never seen in training, or the model diverged; use a run that sees all, or a smaller --lr"
        )
