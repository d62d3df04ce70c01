"""Set algebra on manifests: what any of them selects, what all of them do, what only the first does.

Static manifests give a static one. Where some are dynamic, the algebra is done epoch by epoch, and a
static one counts for every epoch. Weights belong to the selection they were made for, so manifests that
have them are refused.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import reduce
from itertools import chain
from pathlib import Path

import numpy as np
import numpy.typing as npt

from curate.artifacts.header import Header, make_header
from curate.artifacts.standing import note_standing, stands
from curate.artifacts.tables import sample_columns
from curate.errors import CurateError
from curate.finder import nearest
from curate.manifests.manifest import Manifest, Selected, open_manifest, write_manifest
from curate.progress import Progress
from curate.verbs.aligned import Aligned
from curate.verbs.naming import stem

Mask = npt.NDArray[np.bool_]

WAYS: dict[str, Callable[[Mask, Mask], Mask]] = {
    "union": np.logical_or,
    "intersect": np.logical_and,
    "minus": lambda one, other: one & ~other,
}
_EMPTY = {
    "union": "no sample is in any of",
    "intersect": "no sample is in all of",
    "minus": "every sample of the first is in another of",
}


def check_combination(how: str, things: Sequence[Aligned]) -> None:
    """Refuse what cannot be combined before anything is computed for it."""
    check_way(how)
    lengths: dict[int, str] = {}
    for thing in things:
        if not isinstance(thing.opened, Manifest):
            raise CurateError(
                f"{thing.name} is a table and selects nothing: --{how} is for manifests, make one with "
                "`curate select`"
            )
        if thing.opened.has_weights:
            raise CurateError(f"{thing.name} weighs its samples: --{how} is for manifests without weights")
        if not thing.opened.is_static:
            lengths.setdefault(thing.opened.n_epochs, thing.name)
    if len(lengths) > 1:
        each = ", ".join(f"{name} has {n_epochs}" for n_epochs, name in lengths.items())
        raise CurateError(f"{each} epochs: --{how} needs dynamic manifests with the same number of epochs")


def check_way(how: str) -> None:
    """Refuse an operation that does not exist."""
    if how not in WAYS:
        raise CurateError(f"there is no way to combine called '{how}': {nearest(how, WAYS)}")


def write_combination(
    how: str, things: Sequence[Aligned], path: Path, force: bool, progress: Progress
) -> Manifest:
    """Write the manifest of what `things`, checked before, select together, on the dataset of the first.

    An epoch in which nothing is left is an error, and nothing is written.
    """
    manifests = [thing.opened for thing in things if isinstance(thing.opened, Manifest)]
    n_epochs = max(manifest.n_epochs for manifest in manifests)
    epochs = _combined(how, things, n_epochs)
    first = next(epochs)
    static = {"policy": "static", "n_kept": len(first.indices)}
    header = make_header(
        "manifest",
        "compare",
        {"combine": how},
        seed=0,
        dataset=manifests[0].header.dataset,
        parents={
            f"manifest-{number}": _with_own_parents(manifest.header, f"manifest-{number}")
            for number, manifest in enumerate(manifests, 1)
        },
        summary={"combine": how, **(static if n_epochs == 1 else {"policy": "combined"})},
    )
    if not force and stands(path, header.to_json()):
        note_standing(path, progress)
        return open_manifest(path)
    known = manifests[0].samples
    samples = sample_columns(known["uid"], known.get("row"), things[0].labels)
    return write_manifest(path, header, chain([first], epochs), samples, force=force)


def default_name(how: str, things: Sequence[Aligned]) -> str:
    """A name that tells the contents: `a-union-b`, or `a-union-3-more`."""
    names = [stem(Path(thing.name).absolute().name) for thing in things]
    return f"{names[0]}-{how}-{names[1] if len(names) == 2 else f'{len(names) - 1}-more'}"


def _combined(how: str, things: Sequence[Aligned], n_epochs: int) -> Iterator[Selected]:
    for epoch in range(n_epochs):
        kept = reduce(WAYS[how], (_mask(thing, epoch) for thing in things))
        if not kept.any():
            where = f" in epoch {epoch}" if n_epochs > 1 else ""
            names = ", ".join(thing.name for thing in things)
            raise CurateError(
                f"{_EMPTY[how]} {names}{where}: nothing is written; combine others, or select more in them"
            )
        yield Selected(np.flatnonzero(kept))


def _mask(thing: Aligned, epoch: int) -> Mask:
    """Which samples, bool `[n]` in the common order, a manifest selects in an epoch."""
    assert isinstance(thing.opened, Manifest)
    mask = np.zeros(thing.opened.n, np.bool_)
    mask[thing.opened.selected(epoch).indices] = True
    return mask[thing.rows]


def _with_own_parents(header: Header, role: str) -> Header:
    """A parent's header, its own parents named after it: two parents may both come from `clusters`."""
    return replace(header, parents={f"{role}/{name}": seal for name, seal in header.parents.items()})
