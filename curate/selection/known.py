"""What a session leaves on its samples: how often each was selected, its group, and what was remembered."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from curate.artifacts.tables import Column
from curate.manifests.manifest import Selected
from curate.selection.groups import FEWEST_CHECKPOINTS, columns, count_selected, fit_groups, plain_counts


def known_of_samples(
    memory: Mapping[str, npt.NDArray[Any]],
    n: int,
    *,
    guard_margin: npt.NDArray[np.float32] | None = None,
    distrusted: npt.NDArray[np.bool_] | None = None,
) -> dict[str, Column]:
    """Columns `[n]` from the end of a session: what its policy remembers in floats, and the guard's view.

    `guard_margin` is the mean margin by which the guard goes; `trusted` is false for a sample that the guard
    kept from the policy at the last checkpoint.
    """
    known: dict[str, Column] = {
        name: value
        for name, value in memory.items()
        if np.issubdtype(value.dtype, np.floating) and value.shape == (n,)
    }
    if guard_margin is not None and distrusted is not None:
        known |= {"guard_margin": guard_margin, "trusted": ~distrusted}
    return known


def group_samples(
    selection: Iterable[Selected], asked: Sequence[bool], n: int
) -> tuple[dict[str, Any], dict[str, Column]]:
    """How often a session selected each sample: a summary for the header, and columns `[n]`.

    `selection` is that of every epoch; epochs in which the policy was not asked do not count. Groups are
    fitted from FEWEST_CHECKPOINTS checkpoints on.
    """
    decided = (selected.indices for selected, was_asked in zip(selection, asked, strict=True) if was_asked)
    counts, n_checkpoints = count_selected(decided, n), sum(asked)
    summary: dict[str, Any] = {"selected": plain_counts(counts, n_checkpoints)}
    known: dict[str, Column] = {"n_checkpoints_selected": counts}
    if n_checkpoints >= FEWEST_CHECKPOINTS:
        groups = fit_groups(counts, n_checkpoints)
        summary |= {"groups": groups.summary(), "random_explains_groups": groups.random_explains}
        known |= columns(groups, counts)
    return summary, known
