"""A torch sampler that presents what a manifest selects: per epoch, distributed, resumable in mid-epoch."""

from collections.abc import Iterator
from typing import Any, Literal, get_args

import numpy as np
from torch.utils.data import Sampler

from curate.errors import CurateError
from curate.manifests.manifest import Manifest, rows_of
from curate.manifests.order import order_of

PastEnd = Literal["refuse", "repeat", "freeze"]


class ManifestSampler(Sampler[int]):
    """Rows of the source for a `DataLoader`, in curate's own order for the seed, or as in the source.

    Call `set_epoch` before each epoch, as with torch's DistributedSampler: a dynamic manifest has another
    selection then, a static one another order. Of `world_size` ranks each gets as many indices, by wrapping
    around, or with `drop_last` by leaving up to world_size − 1 out. `state_dict` says how far the epoch is,
    in rows handed out; after `load_state_dict` the next iteration, of the same epoch, goes on there.

    Past the last epoch of a dynamic manifest, `past_end` says whether to refuse, to repeat its selections
    from the first on, or to freeze that of the last; the order is another one in every epoch all the same.

    A manifest whose samples weigh differently is refused, unless `weighted` says that the caller multiplies
    each loss by `LoadedManifest.weights(epoch)[row]`.
    """

    def __init__(
        self,
        manifest: Manifest,
        *,
        seed: int = 0,
        shuffle: bool = True,
        rank: int = 0,
        world_size: int = 1,
        drop_last: bool = False,
        weighted: bool = False,
        past_end: PastEnd = "refuse",
    ) -> None:
        if world_size < 1 or not 0 <= rank < world_size:
            raise CurateError(
                f"rank={rank} of world_size={world_size} is out of range: use 0 <= rank < world_size"
            )
        if manifest.has_weights and not weighted:
            raise CurateError(
                f"{manifest.path} weighs its samples, and a sampler hands out none: multiply each loss by "
                "weights(epoch)[row], and say weighted=True"
            )
        self._manifest, self._seed, self._shuffle = manifest, seed, shuffle
        if past_end not in (allowed := get_args(PastEnd)):
            raise CurateError(f"past_end={past_end} is unknown: use one of {', '.join(allowed)}")
        self._rank, self._world_size, self._drop_last = rank, world_size, drop_last
        self._past_end = past_end
        self._epoch = self._position = self._start = 0
        self._rows = self._of_epoch(0)

    def set_epoch(self, epoch: int) -> None:
        """The epoch to present next, from its start."""
        if epoch != self._epoch:
            self._rows, self._epoch = self._of_epoch(epoch), epoch
            self._position = self._start = 0

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[int]:
        start, self._start = self._start, 0
        self._position = start
        for place in range(start, len(self._rows)):
            self._position = place + 1
            yield int(self._rows[place])

    def state_dict(self) -> dict[str, Any]:
        """Where it stands, as plain numbers, with what it must belong to."""
        return {"epoch": self._epoch, "position": self._position, **self._identity()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from `state_dict()` of a sampler of the same manifest, seed and share."""
        for name, own in self._identity().items():
            if state.get(name) != own:
                raise CurateError(f"the state is of another sampler ({name} was {state.get(name)}, is {own})")
        self._epoch = state["epoch"]
        self._rows = self._of_epoch(self._epoch)
        self._position = self._start = state["position"]

    def _identity(self) -> dict[str, Any]:
        return {
            "manifest": self._manifest.header.sha256,
            "seed": self._seed,
            "shuffle": self._shuffle,
            "rank": self._rank,
            "world_size": self._world_size,
            "drop_last": self._drop_last,
            **({} if self._past_end == "refuse" else {"past_end": self._past_end}),
        }

    def _recorded(self, epoch: int) -> int:
        """The epoch of the manifest whose selection this one has."""
        n_epochs = self._manifest.n_epochs
        if self._manifest.is_static or epoch < n_epochs:
            return epoch
        if self._past_end == "refuse":
            raise CurateError(
                f"{self._manifest.path} has epochs 0 to {n_epochs - 1}, not {epoch}: past_end='repeat' "
                "begins anew there, past_end='freeze' stays with the last"
            )
        return epoch % n_epochs if self._past_end == "repeat" else n_epochs - 1

    def _of_epoch(self, epoch: int) -> Any:
        indices = self._manifest.selected(self._recorded(epoch)).indices
        if self._shuffle:
            rows = rows_of(self._manifest, order_of(indices, self._manifest.n, self._seed, epoch))
        else:
            rows = np.sort(rows_of(self._manifest, indices))
        if self._drop_last:
            rows = rows[: len(rows) - len(rows) % self._world_size]
        else:
            rows = np.resize(rows, -(-len(rows) // self._world_size) * self._world_size)
        return rows[self._rank :: self._world_size]
