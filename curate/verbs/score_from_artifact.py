"""Scores from clusters or from an embedding: nothing is trained."""

import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from curate import world
from curate.artifacts.header import Cost, RankingColumn, make_header
from curate.artifacts.kinds import kind_of
from curate.artifacts.standing import same_of
from curate.artifacts.tables import Column, Table, open_table, sample_columns, write_table
from curate.data.dataset import Dataset
from curate.errors import CurateError
from curate.progress import Progress
from curate.vectors.opening import open_embedding
from curate.verbs.score_table import Methods, method_options, standing_scores

_MADE_FROM = {
    "clusters": "a table of clusters (`curate cluster`)",
    "embedding": "an embedding (`curate embed`)",
}


def score_from_artifact(
    source: str | Path | Dataset | None,
    methods: Methods,
    name: str,
    path: Path,
    force: bool,
    progress: Progress,
) -> Table:
    """Write the scores of a table of clusters or of an embedding by one method; see `curate.score`.

    With several ranks, all of them compute, and the first one writes.
    """
    scorer = methods[name]
    kind = scorer.reads[0]
    found = kind_of(source) if isinstance(source, str | Path) else None
    is_one = isinstance(source, str | Path) and (Path(source).is_file() or found in ("embedding", "vectors"))
    if not is_one or not isinstance(source, str | Path):
        named = source.reference if isinstance(source, Dataset) else source or "nothing"
        made_from = " or ".join(_MADE_FROM[each] for each in scorer.reads)
        raise CurateError(f"{name} is made from {made_from}, and {named} is none: make one first")
    if found in ("clusters", "scores") and "clusters" not in scorer.reads:
        raise CurateError(
            f"{name} is made from {_MADE_FROM[kind]}, and {source} is a table: score that instead"
        )
    if found in ("embedding", "vectors") and "embedding" in scorer.reads:
        kind = "embedding"
    opened = open_table(source, ("clusters",)) if kind == "clusters" else open_embedding(source)
    header = make_header(
        "scores",
        "score",
        method_options(methods),
        seed=0,
        dataset=opened.header.dataset,
        parents={kind: opened.header},
        columns={name: RankingColumn(scorer.hard_is)},
    )
    ranks = world.here()
    ranks.agree(same_of(header))
    standing = world.first_alone(lambda: standing_scores(path, header, methods, force, progress))
    ranks.wait()  # until the others have looked as well, before anything is written
    if standing:
        return standing
    started = time.perf_counter()
    columns: dict[str, Column] = {}
    if isinstance(opened, Table):
        columns |= opened.columns | {name: scorer.from_clusters(opened, progress)}
    else:
        columns |= sample_columns(opened.uids, opened.rows, opened.labels)
        columns |= scorer.from_embedding(opened, progress)
    groups = columns.get(f"{name}_group")
    header = replace(
        header,
        summary={} if groups is None else {"n_groups": len(np.unique(groups))},
        cost=Cost(time.perf_counter() - started, samples_seen=0),
    )

    def written() -> Table:
        return open_table(path) if ranks.rank else write_table(path, header, columns, force)

    return world.first_alone(written)
