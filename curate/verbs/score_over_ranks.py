"""Models that ranks share out: who trains which, where a run is unfinished, and what all of them come to.

Of as many models as ranks or more, each rank trains some, with a run of its own. Of fewer, all ranks train
each, in one run.
"""

import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from curate import world
from curate.errors import CurateError
from curate.progress import Progress
from curate.scores.scorer import Scores
from curate.training.unfinished import (
    ENDING,
    Unfinished,
    clear_left,
    run_beside,
    unfinished,
    unfinished_together,
)
from curate.world import ALONE, World


@dataclass(frozen=True)
class Sharing:
    """How `n_models` are shared out, and whose scores go to `output`."""

    output: Path
    n_models: int

    @property
    def deals(self) -> bool:
        """Whether each rank trains models of its own, and there are several."""
        return 1 < world.here().size <= self.n_models

    @property
    def trains_with(self) -> World:
        """The ranks with which this one trains each of its models."""
        return ALONE if self.deals else world.here()

    @property
    def mine(self) -> range:
        """The models that this rank trains."""
        return world.dealt(self.n_models) if self.deals else range(self.n_models)

    def check(self, fresh: bool) -> None:
        """Refuse to go on with models that another number of ranks has dealt out."""
        size = world.here().size if self.deals else 1
        pattern = rf"{re.escape(self.output.name)}(\.rank-\d+-of-(\d+))?{re.escape(ENDING)}"
        for entry in self.output.absolute().parent.iterdir() if not fresh else ():
            found = re.fullmatch(pattern, entry.name)
            if found and int(found[2] or 1) != size:
                by = (
                    f"{found[2]} of torchrun's ranks"
                    if found[2]
                    else "one process, or more ranks than models"
                )
                raise CurateError(
                    f"{entry} was begun by {by}, and now there is {world.here().size}: start as many to "
                    "finish it, or use --fresh to begin anew"
                )

    def is_unfinished(self) -> bool:
        """Whether any rank left a run."""
        left = np.array([int(run_beside(self._beside()) is not None)])
        return bool(world.here().total(left)[0])

    @contextmanager
    def unfinished(
        self, key: Mapping[str, Any], n_epochs: int, fresh: bool, progress: Progress
    ) -> Iterator[Unfinished]:
        """This rank's run in progress."""
        how = unfinished if self.deals else unfinished_together
        with how(self._beside(), key, n_epochs, fresh, progress) as run:
            yield run

    def clear(self) -> None:
        """Remove what was left of a run that was killed when the output stood, before it had cleared up."""
        own = self._beside()
        if self.deals:
            shutil.rmtree(own.with_name(f"{own.name}{ENDING}"), ignore_errors=True)
        elif world.here().rank == 0:
            clear_left(own)

    def of_all(self, run: Unfinished, name: str) -> Path | list[Path]:
        """A file of a run, or of the runs of all ranks."""
        if not self.deals:
            return run.path(name)
        each = map(self._beside, range(world.here().size))
        return [path.with_name(f"{path.name}{ENDING}") / name for path in each]

    def joined(self, scores: Mapping[str, Scores]) -> dict[str, Scores]:
        """Scores `[models, n]` of all models, from those of this rank's."""
        if not (self.deals and scores):
            return dict(scores)
        ranks = world.here()
        told = ranks.gather([np.ascontiguousarray(own).ravel() for own in scores.values()])
        whole = {}
        for place, (name, mine) in enumerate(scores.items()):
            parts = [arrays[place].reshape(-1, mine.shape[1]) for arrays in told]
            whole[name] = np.empty((sum(map(len, parts)), mine.shape[1]), mine.dtype)
            for rank, part in enumerate(parts):
                whole[name][rank :: ranks.size] = part
        return whole

    def spent(self, records: Sequence[Mapping[str, Any]], samples_seen: int) -> tuple[float, int]:
        """The seconds of the rank that took longest, and the samples that all saw."""
        seconds = sum(record["seconds"] for record in records)
        told = world.here().gather([np.array([seconds]), np.array([samples_seen])])
        seen = [int(of[0]) for _, of in told]
        return max(float(own[0]) for own, _ in told), sum(seen) if self.deals else max(seen)

    def _beside(self, rank: int | None = None) -> Path:
        """Beside which path the run of a rank is unfinished, by default of this one."""
        ranks = world.here()
        if not self.deals:
            return self.output
        number = ranks.rank if rank is None else rank
        return self.output.with_name(f"{self.output.name}.rank-{number}-of-{ranks.size}")
