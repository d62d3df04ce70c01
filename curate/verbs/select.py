"""select: rank the samples of a table, cut at a budget, and write the manifest."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from curate import finder
from curate.artifact import check_output, make_header
from curate.budget import check_share, count_to_keep, with_class_floor
from curate.errors import CurateError
from curate.manifest import Manifest, Selected, write_manifest
from curate.ranking import Strategy
from curate.rng import rng
from curate.tables import Table, open_table
from curate.verbs.naming import output_path, stem


def select(
    table: str | Path | Table,
    strategy: str = "furthest",
    *,
    keep: str | float | int = 0.5,
    class_floor: float = 0.0,
    options: Mapping[str, Any] | None = None,
    seed: int = 0,
    output: str | Path | None = None,
    force: bool = False,
) -> Manifest:
    """Write the manifest of the `keep` best samples by a strategy; returns it, opened.

    `keep` is a fraction in (0, 1] or a count. No class falls below `class_floor` of its fair share.
    samples.parquet says of every sample its rank and why it is in or out.
    """
    ranker: Strategy = finder.make("strategies", strategy, options)
    named = table.path if isinstance(table, Table) else Path(table)
    path = output_path(output, f"{stem(named.name)}-{strategy}-{str(keep).replace('%', '')}")
    check_output(path, force)
    opened = table if isinstance(table, Table) else open_table(table)
    n = len(opened)
    check_share(class_floor)
    count = count_to_keep(keep, n)
    order = ranker(opened, rng(seed, "strategy"))
    rank = np.empty(n, np.int64)
    rank[order] = np.arange(n)
    floored = _floored(order, opened, class_floor)
    chosen = np.sort(floored[:count])
    kept = np.zeros(n, np.bool_)
    kept[chosen] = True
    header = make_header(
        "manifest",
        "select",
        {"strategy": strategy, "keep": str(keep), "class_floor": class_floor, **finder.settings(ranker)},
        seed=seed,
        dataset=opened.header["dataset"],
        parents={opened.header["kind"]: opened.header},
        summary={"n_kept": count, "policy": "static", "strategy": strategy},
    )
    samples = dict(opened.columns, rank=rank, reason=_reasons(kept, rank, count))
    return write_manifest(path, header, [Selected(chosen)], samples, force=force)


def check_selection(
    strategy: str,
    keep: str | float | int,
    class_floor: float,
    options: Mapping[str, Any] | None,
    n: int,
) -> None:
    """Refuse a selection from `n` samples that cannot work, before anything is computed for it."""
    finder.make("strategies", strategy, options)
    count_to_keep(keep, n)
    check_share(class_floor)


def _floored(order: np.ndarray, table: Table, class_floor: float) -> np.ndarray:
    if class_floor == 0:
        return order
    if table.labels is None:
        raise CurateError(f"{table.path} has no labels and class-floor={class_floor} needs them")
    return with_class_floor(order, table.labels, class_floor)


def _reasons(kept: np.ndarray, rank: np.ndarray, count: int) -> np.ndarray:
    """Why each sample is in or out, in words."""
    words = np.array(["beyond the budget", "ranked", "gave way to the class floor", "class floor"], object)
    return words[2 * (kept != (rank < count)) + kept]
