"""compare: how far scores and selections of one dataset agree, and what they select together.

Of every pair: the overlap (Jaccard, shared / in either) of what each would keep at each budget, and the
Spearman correlation of the rankings, ties averaged. Over three or more, such as the same score from
several seeds, the mean and spread over all pairs say how stable the score is.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from curate.artifacts.files import check_output_folder
from curate.artifacts.header import DatasetReference
from curate.artifacts.standing import check_free
from curate.data.identity import Indices, Labels
from curate.errors import CurateError
from curate.manifests.manifest import Manifest
from curate.progress import LOGGED, Progress
from curate.selection.budget import count_to_keep, in_shares
from curate.statistics import Spread, centred_ranks, correlation, spread
from curate.verbs.aligned import Aligned, Thing, Values, agreed_labels, open_aligned
from curate.verbs.caveats import cut_ties, shared_models
from curate.verbs.combine import check_combination, check_way, default_name, write_combination
from curate.verbs.naming import output_path

BUDGETS = (0.05, 0.1, 0.2, 0.3, 0.5, 0.7)


@dataclass(frozen=True)
class Input:
    """One of the things compared: what it ranks by, and how many samples it selects (None: a table)."""

    path: str
    kind: str
    ranked_by: str
    n_selected: int | None


@dataclass(frozen=True)
class Budget:
    """A budget as given, the count it means, and the overlap that two random rankings would have."""

    keep: str
    n_kept: int
    random_overlap: float


@dataclass(frozen=True)
class Pair:
    """How far two of the inputs agree; `overlaps` has one value per budget.

    `spearman` is None where one of them puts all samples on a par. `selected` is the overlap of the sets
    actually selected, between two manifests, and `selected_random` that of random sets of those sizes.
    """

    one: str
    other: str
    spearman: float | None
    overlaps: list[float]
    selected: float | None
    selected_random: float | None


@dataclass(frozen=True)
class Stability:
    """Mean and spread over all pairs. Pairs share inputs, so the spread describes and proves nothing."""

    n_pairs: int
    spearman: Spread | None
    overlaps: list[Spread]


@dataclass(frozen=True)
class ClassShares:
    """Of a class of `n` samples, the share each input keeps, and the largest difference between two."""

    name: str
    n: int
    shares: list[float]
    difference: float


@dataclass(frozen=True)
class Comparison:
    """What `compare` found. Pairs come in order: first and second, first and third, ...

    `classes` are at the first budget. `combined` is the manifest written, where one was asked for.
    """

    dataset: DatasetReference
    inputs: list[Input]
    budgets: list[Budget]
    pairs: list[Pair]
    stability: Stability | None = None
    classes: list[ClassShares] | None = None
    combined: Manifest | None = None
    notes: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """Everything as plain JSON values; `path` and `sha256` are those of the manifest written."""
        plain: dict[str, Any] = {
            "dataset": self.dataset.to_json(),
            "inputs": [asdict(one) for one in self.inputs],
            "budgets": [asdict(budget) for budget in self.budgets],
            "pairs": [asdict(pair) for pair in self.pairs],
            "stability": asdict(self.stability) if self.stability else None,
            "classes": None if self.classes is None else [asdict(shares) for shares in self.classes],
            "notes": self.notes,
        }
        if self.combined is not None:
            header = self.combined.header
            plain |= {
                "path": str(self.combined.path),
                "sha256": header.sha256,
                "combined": header.summary,
            }
        return plain


@dataclass(frozen=True)
class _Ranked:
    """A thing, the place `[n]` of each sample in its ranking (0 is kept first), and its centred ranks."""

    thing: Aligned
    ranked_by: str
    places: Indices
    ranks: Values


def compare(
    *things: Thing,
    budgets: Sequence[str | float | int] = BUDGETS,
    column: str | None = None,
    by: str | None = None,
    combine: str | None = None,
    output: str | Path | None = None,
    force: bool = False,
    progress: Progress = LOGGED,
) -> Comparison:
    """Compare two or more tables (scores, clusters) and manifests of one dataset, in any mixture.

    A manifest is a folder, or lies on the Hub (`hf:owner/name@v1`).

    One table with several scores is compared with itself, score by score.

    Tables rank their samples hardest first, by `column` or their first one that ranks; a manifest of
    `select` ranks by its rank, before any class floor, another one by how often it selects a sample. Ties
    go to the smaller uid, then index. `budgets` are fractions in (0, 1] or counts. `by="class"` gives the
    share of every class that each keeps at the first budget.

    `combine` also writes a manifest to `output`: the `union` of what manifests select, what all of them
    do (`intersect`), or what only the first does (`minus`). Copies of the dataset in another order are
    aligned by uid; other datasets are refused. `notes` say so, and where things agree for other reasons than
    the samples: budgets that cut through equal values, and scores by the same models.
    """
    _check_options(by, combine, output, force)
    aligned, notes = open_aligned(things, progress)
    n = len(aligned[0].rows)
    wanted = [_budget(keep, n) for keep in dict.fromkeys(map(in_shares, budgets))]
    if not wanted:
        raise CurateError("no budget is given: name one or more, such as 0.1,0.3")
    if column and len(things) == 1:
        raise CurateError(f"column={column} is for several tables, and one is given: leave it out")
    if column and all(isinstance(thing.opened, Manifest) for thing in aligned):
        raise CurateError(f"column={column} is for tables, and all given are manifests: leave it out")
    path = _output(combine, aligned, output, force) if combine else None
    labels = agreed_labels(aligned) if by or combine else None
    if by and labels is None:
        raise CurateError(f"{aligned[0].name} has no labels: leave out --by class")
    ranked = [_rank(thing, column, aligned[0]) for thing in aligned]
    pairs = [_pair(one, other, wanted) for one, other in combinations(ranked, 2)]
    notes += cut_ties(aligned, [one.ranks for one in ranked], {one.keep: one.n_kept for one in wanted})
    notes += shared_models(aligned, [one.ranked_by for one in ranked])
    return Comparison(
        dataset=aligned[0].dataset,
        inputs=[_input(one) for one in ranked],
        budgets=wanted,
        pairs=pairs,
        stability=_stability(pairs) if len(things) > 2 else None,
        classes=_classes(ranked, *labels, wanted[0].n_kept) if by and labels else None,
        combined=write_combination(combine, aligned, path, force, progress) if combine and path else None,
        notes=notes,
    )


def _check_options(by: str | None, combine: str | None, output: str | Path | None, force: bool) -> None:
    if by not in (None, "class"):
        raise CurateError(f"there is no way to break down by '{by}': use class")
    if combine is not None:
        check_way(combine)
    elif output is not None or force:
        raise CurateError(
            "-o and --force are for a combined manifest: add --union, --intersect or --minus, or leave "
            "them out"
        )


def _output(combine: str, aligned: Sequence[Aligned], output: str | Path | None, force: bool) -> Path:
    """Where the combined manifest goes, once it is sure that it can be made and written."""
    check_combination(combine, aligned)
    path = output_path(output, default_name(combine, aligned))
    check_free(path, force, "compare")
    if force:
        check_output_folder(path, force)
    return path


def _budget(keep: str, n: int) -> Budget:
    count = count_to_keep(keep, n)
    return Budget(keep, count, _random_overlap(count, count, n))


def _rank(thing: Aligned, column: str | None, first: Aligned) -> _Ranked:
    """Rank the samples as `ranking.by_value` does, with the uids and indices of the first thing."""
    ranked_by, values = thing.ranking(column)
    n = len(values)
    order = np.lexsort((np.arange(n), first.uids, -values))
    places = np.empty(n, np.int64)
    places[order] = np.arange(n)
    return _Ranked(thing, ranked_by, places, centred_ranks(values))


def _random_overlap(n_one: int, n_other: int, n: int) -> float:
    """The overlap of two random sets that share as many of `n` samples as is expected of them.

    For equal sets of share q it is q / (2 − q).
    """
    shared = n_one * n_other / n
    return shared / (n_one + n_other - shared)


def _pair(one: _Ranked, other: _Ranked, budgets: Sequence[Budget]) -> Pair:
    # A sample is kept by both as soon as the later of its two places is within the budget.
    later = np.maximum(one.places, other.places)
    shared = [int((later < budget.n_kept).sum()) for budget in budgets]
    selected = selected_random = None
    sets = one.thing.selected, other.thing.selected
    if sets[0] is not None and sets[1] is not None:
        selected = int((sets[0] & sets[1]).sum()) / int((sets[0] | sets[1]).sum())
        selected_random = _random_overlap(int(sets[0].sum()), int(sets[1].sum()), len(later))
    return Pair(
        one.thing.name,
        other.thing.name,
        correlation(one.ranks, other.ranks),
        [both / (2 * budget.n_kept - both) for both, budget in zip(shared, budgets, strict=True)],
        selected,
        selected_random,
    )


def _stability(pairs: Sequence[Pair]) -> Stability:
    known = [pair.spearman for pair in pairs if pair.spearman is not None]
    overlaps = zip(*(pair.overlaps for pair in pairs), strict=True)
    return Stability(len(pairs), spread(known) if known else None, [spread(column) for column in overlaps])


def _classes(
    ranked: Sequence[_Ranked], labels: Labels, names: Sequence[str], n_kept: int
) -> list[ClassShares]:
    """Kept share per class; a class without samples has none and is left out."""
    sizes = np.bincount(labels, minlength=len(names))
    kept = [np.bincount(labels[one.places < n_kept], minlength=len(names)) for one in ranked]
    classes = []
    for number in np.flatnonzero(sizes).tolist():
        shares = [int(counts[number]) / int(sizes[number]) for counts in kept]
        classes.append(ClassShares(names[number], int(sizes[number]), shares, max(shares) - min(shares)))
    return classes


def _input(one: _Ranked) -> Input:
    selected = one.thing.selected
    n_selected = None if selected is None else int(selected.sum())
    return Input(one.thing.name, one.thing.opened.header.kind, one.ranked_by, n_selected)
