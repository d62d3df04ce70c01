"""select: rank the samples of a table, cut at a budget, and write the manifest."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from curate import finder
from curate.artifacts.arrow import array_of, texts_of
from curate.artifacts.files import check_output
from curate.artifacts.header import make_header
from curate.artifacts.standing import check_free, note_standing, stands
from curate.artifacts.tables import Table, open_table
from curate.errors import CurateError
from curate.manifests.manifest import Manifest, Selected, open_manifest, write_manifest
from curate.progress import LOGGED, Progress
from curate.rng import rng
from curate.selection.budget import ask_about, check_share, count_to_keep, first_with_class_floor, in_shares
from curate.selection.regime import choose
from curate.selection.strategy import Strategy
from curate.verbs.naming import keep_in_words, name_of, output_path, stem

_DEFAULT = {"clusters": "furthest", "scores": "top"}
_PIECE = 1 << 20
_FAIR_PART = 2  # samples, from which on the share that a class keeps says something


def select(
    table: str | Path | Table,
    strategy: str | None = None,
    *,
    regime: str | None = None,
    keep: str | float | int = 0.5,
    class_floor: float = 0.0,
    options: Mapping[str, Any] | None = None,
    seed: int = 0,
    output: str | Path | None = None,
    force: bool = False,
    progress: Progress = LOGGED,
) -> Manifest:
    """Write the manifest of the `keep` best samples by a strategy; returns it, opened.

    The default strategy is furthest for clusters and top for scores. A `regime` (hard, easy, stratified, or
    auto: whichever suits how many samples of a class are kept, and how many of the hardest were learned)
    names it instead, and the summary says why.

    `keep` is a fraction in (0, 1] or a count. No class falls below `class_floor` of its fair share.
    samples.parquet says of every sample its rank and why it is in or out.
    """
    if strategy is not None and regime is not None:
        raise CurateError(f"strategy {strategy} and regime {regime} are both named: name one")
    if strategy is not None:
        finder.make("strategies", strategy, options)
    check_share(class_floor)
    opened = table if isinstance(table, Table) else open_table(table)
    n, kind = len(opened), opened.header.kind
    keep = in_shares(keep)
    count = count_to_keep(keep, n)
    choice = None
    first = next(iter(opened.ranking_columns), "")
    if regime is not None:
        column = str((options or {}).get("column") or first)
        n_unlearned = opened.n_unlearned(column) if column else None
        choice = choose(regime, kind, count, n, len(opened.header.dataset.classes), n_unlearned)
    if choice is None and strategy is None:
        progress.note(f"strategy {_DEFAULT[kind]}, the default for {kind}")
    strategy = choice.strategy if choice else strategy or _DEFAULT[kind]
    chosen_options = {**(choice.options if choice else {}), **(options or {})}
    ranker: Strategy = finder.make("strategies", strategy, chosen_options)
    if finder.settings(ranker).get("column") == "":
        ranker = finder.configure(type(ranker), {**finder.settings(ranker), "column": first}, strategy)
    path = output_path(output, _default_name(opened.path, strategy, options, keep, class_floor, seed))
    check_free(path, force, "select")
    header = make_header(
        "manifest",
        "select",
        {
            "strategy": strategy,
            **({"regime": regime} if regime else {}),
            "keep": str(keep),
            "class_floor": class_floor,
            **finder.settings(ranker),
        },
        seed=seed,
        dataset=opened.header.dataset,
        parents={opened.header.kind: opened.header},
        summary={
            "n_kept": count,
            "policy": "static",
            "strategy": strategy,
            **({"regime": choice.regime, "why": choice.why} if choice else {}),
        },
    )
    if not force and finder.is_ours("strategies", strategy) and stands(path, header.to_json()):
        note_standing(path, progress)
        return open_manifest(path)
    check_output(path, force)
    ask_about(keep, n, len(opened.header.dataset.classes), progress)
    order = ranker(opened, rng(seed, "strategy"))
    chosen = _chosen(order, opened, class_floor, count)
    rank = _ranks(order)
    del order
    kept = np.zeros(n, np.bool_)
    kept[chosen] = True
    if class_floor == 0 and (text := _starved(kept, opened)):
        progress.note(text)
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


def _default_name(
    table: Path,
    strategy: str,
    options: Mapping[str, Any] | None,
    keep: str | float | int,
    class_floor: float,
    seed: int,
) -> str:
    given = [stem(f"{name}-{value}") for name, value in (options or {}).items()]
    floor = f"floor-{class_floor:g}" if class_floor else ""
    return name_of(table.name, stem(strategy), *given, keep_in_words(keep), floor, seed=seed)


def _starved(kept: np.ndarray, table: Table) -> str:
    """What to say where a class keeps at most half the share that another keeps.

    Of classes whose fair part is less than two samples chance decides, and nothing is said.
    """
    labels, names = table.labels, table.header.dataset.classes
    if labels is None:
        return ""
    n_samples = np.bincount(labels)
    there = np.flatnonzero(n_samples * kept.mean() >= _FAIR_PART)
    if len(there) == 0:
        return ""
    share = np.bincount(labels[kept], minlength=len(n_samples))[there] / n_samples[there]
    least, most = np.argmin(share), np.argmax(share)
    n_starved = int((share <= share[most] / 2).sum())
    if n_starved == 0:
        return ""
    others = f"; {n_starved:,} classes keep at most half as much" if n_starved > 1 else ""
    return (
        f"class {names[there[least]]} keeps {share[least]:.1%} of its samples, class {names[there[most]]} "
        f"{share[most]:.1%}{others}: --class-floor 0.5 gives each at least half of its fair part"
    )


def _ranks(order: np.ndarray) -> np.ndarray:
    """The place of each sample in an order, int64 `[n]`; in pieces, so that no third array of n is needed."""
    rank = np.empty(len(order), np.int64)
    for start in range(0, len(order), _PIECE):
        own = order[start : start + _PIECE]
        rank[own] = np.arange(start, start + len(own))
    return rank


def _chosen(order: np.ndarray, table: Table, class_floor: float, count: int) -> np.ndarray:
    """The samples that are kept, sorted."""
    if class_floor == 0:
        return np.sort(order[:count])
    if table.labels is None:
        raise CurateError(f"{table.path} has no labels and class-floor={class_floor} needs them")
    return first_with_class_floor(order, table.labels, class_floor, count)


def _reasons(kept: np.ndarray, rank: np.ndarray, count: int) -> Any:
    """Why each sample is in or out, in words, as Arrow's dictionary of them."""
    import pyarrow as pa

    words = [b"beyond the budget", b"ranked", b"gave way to the class floor", b"class floor"]
    numbers = np.int8(2) * (kept != (rank < count)).view(np.int8) + kept.view(np.int8)
    return pa.DictionaryArray.from_arrays(array_of(numbers), texts_of(words, pa.string()))
