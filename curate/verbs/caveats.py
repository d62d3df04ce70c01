"""Why rankings can agree for other reasons than the samples: ties cut alike, and models in common."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np

from curate.artifacts.header import Header
from curate.artifacts.tables import Table
from curate.manifests.manifest import Manifest
from curate.verbs.aligned import Aligned, Values

_NOT_OF_TRAINING = ("method", "method_options", "n_models", "side_by_side")  # options that change no model
_MOST = 3  # names in a sentence


def cut_ties(things: Sequence[Aligned], ranks: Sequence[Values], counts: Mapping[str, int]) -> list[str]:
    """Budgets at which two or more rankings `[n]` cut through equal values: uid decides in all of them.

    A static manifest that only says what it selects has no ranking to speak of.
    """
    falling = [np.sort(one)[::-1] for one in ranks]
    budgets, names = [], set()
    for keep, k in counts.items():
        cut = [
            thing.name
            for thing, values in zip(things, falling, strict=True)
            if k < len(values) and values[k - 1] == values[k] and not _is_static(thing)
        ]
        if len(cut) > 1:
            budgets.append(keep)
            names |= set(cut)
    if not budgets:
        return []
    listed = [thing.name for thing in things if thing.name in names]
    shown = ", ".join(listed[:_MOST]) + (f" and {len(listed) - _MOST} more" if len(listed) > _MOST else "")
    return [
        f"at a budget of {', '.join(budgets)}, equal values of {shown} are cut by uid, alike in all: their "
        "overlap says less there than it seems"
    ]


def _is_static(thing: Aligned) -> bool:
    return isinstance(thing.opened, Manifest) and thing.opened.is_static


def shared_models(things: Sequence[Aligned], ranked_by: Sequence[str]) -> list[str]:
    """The first two tables that hold the same score, by models of which some are the same."""
    for (one, name), (other, other_name) in combinations(zip(things, ranked_by, strict=True), 2):
        if name != other_name or not isinstance(one.opened, Table) or not isinstance(other.opened, Table):
            continue
        mine, theirs = one.opened.header, other.opened.header
        if mine.seed == theirs.seed or _training(mine) is None or _training(mine) != _training(theirs):
            continue
        first = max(mine.seed, theirs.seed)
        last = min(header.seed + header.options["n_models"] for header in (mine, theirs)) - 1
        if first <= last:
            most = max(header.options["n_models"] for header in (mine, theirs))
            return [
                f"{one.name} and {other.name} share {last - first + 1} models, of seeds {first} to {last}: "
                f"for independent scores use seeds {most} apart"
            ]
    return []


def _training(header: Header) -> dict[str, Any] | None:
    """How the models of a table were trained, but for their seeds; None where none were."""
    if header.command != "score" or "n_models" not in header.options or "trace" in header.parents:
        return None
    return {name: value for name, value in header.options.items() if name not in _NOT_OF_TRAINING}
