"""Models that ranks share out: where each rank's run is unfinished, and what all of them come to."""

import re
import shutil
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from curate import world
from curate.errors import CurateError
from curate.scores.scorer import Scores
from curate.training.unfinished import ENDING


def check_ranks(output: Path, n_models: int, fresh: bool) -> None:
    """Refuse more ranks than models, and to go on with what another number of ranks has begun."""
    size = world.here().size
    if size > n_models:
        raise CurateError(f"{size} ranks share out {n_models} models: start {n_models} ranks or fewer")
    pattern = rf"{re.escape(output.name)}(\.rank-\d+-of-(\d+))?{re.escape(ENDING)}"
    for entry in output.absolute().parent.iterdir() if not fresh else ():
        found = re.fullmatch(pattern, entry.name)
        if found and int(found[2] or 1) != size:
            raise CurateError(
                f"{entry} was begun by {found[2] or 1} of torchrun's ranks, and now there is {size}: start "
                "as many to finish it, or use --fresh to begin anew"
            )


def beside(output: Path, rank: int | None = None) -> Path:
    """Beside which path the run of a rank is unfinished, by default of this one."""
    ranks = world.here()
    if ranks.size == 1:
        return output
    return output.with_name(f"{output.name}.rank-{ranks.rank if rank is None else rank}-of-{ranks.size}")


def clear_beside(output: Path) -> None:
    """Remove what this rank left unfinished, as one of several that were killed when the output stood."""
    own = beside(output)
    if own != output:
        shutil.rmtree(own.with_name(f"{own.name}{ENDING}"), ignore_errors=True)


def kept_by_all(output: Path, name: str) -> list[Path]:
    """A file in what is unfinished, of every rank."""
    each = [beside(output, rank) for rank in range(world.here().size)]
    return [path.with_name(f"{path.name}{ENDING}") / name for path in each]


def of_all(scores: Mapping[str, Scores]) -> dict[str, Scores]:
    """Scores `[models, n]` of the models of all ranks, to which they were dealt out in turn."""
    ranks = world.here()
    if ranks.size == 1 or not scores:
        return dict(scores)
    told = ranks.gather([np.ascontiguousarray(own).ravel() for own in scores.values()])
    whole = {}
    for place, (name, mine) in enumerate(scores.items()):
        parts = [arrays[place].reshape(-1, mine.shape[1]) for arrays in told]
        whole[name] = np.empty((sum(map(len, parts)), mine.shape[1]), mine.dtype)
        for rank, part in enumerate(parts):
            whole[name][rank :: ranks.size] = part
    return whole


def spent_by_all(seconds: float, samples_seen: int) -> tuple[float, int]:
    """The seconds of the rank that took longest, and the samples that all saw."""
    told = world.here().gather([np.array([seconds]), np.array([samples_seen])])
    return max(float(own[0]) for own, _ in told), sum(int(seen[0]) for _, seen in told)
