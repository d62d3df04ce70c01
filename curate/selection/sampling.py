"""What a loop of one's own takes its samples from: a sampler that follows a Pruner; samples with an index."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Any, Protocol

from curate.data.identity import Indices


class Presents(Protocol):
    """What a sampler follows."""

    def set_epoch(self, epoch: int) -> None:
        """Begin an epoch."""

    def begin_pass(self) -> None:
        """A loader starts."""

    def order(self, *, whole: bool) -> Indices:
        """What the epoch presents, in order."""

    def n_presented(self, *, whole: bool) -> int:
        """How many that are, also before the first epoch."""


class PrunedSampler:
    """Indices for a DataLoader: those of the Pruner's epoch, in its order.

    Of this rank, and what is left of an epoch that was interrupted; or with `whole` all of an epoch, for a
    trainer that shares out indices and skips those that were seen itself.
    """

    def __init__(self, pruner: Presents, *, whole: bool) -> None:
        self._pruner, self._whole = pruner, whole

    def __iter__(self) -> Iterator[int]:
        # Looked at with the first index, not before, and without a call for each of the others.
        return chain.from_iterable(self._orders())

    def __len__(self) -> int:
        return self._pruner.n_presented(whole=self._whole)

    def _orders(self) -> Iterator[list[int]]:
        self._pruner.begin_pass()
        yield self._pruner.order(whole=self._whole).tolist()

    def set_epoch(self, epoch: int) -> None:
        """Begin an epoch, as the Pruner's own `set_epoch`: trainers call it of samplers."""
        self._pruner.set_epoch(epoch)


class Indexed:
    """A map-style dataset whose samples say which they are: `(index, *sample)`, or a dictionary's `index`."""

    def __init__(self, dataset: Any) -> None:
        self._dataset = dataset
        data: Any = sys.modules.get("torch.utils.data")
        # The samples of a TensorDataset are rows of its tensors, and are faster taken a tensor at a time.
        self._has_tensors = data is not None and type(dataset) is data.TensorDataset

    def __len__(self) -> int:
        return len(self._dataset)

    def __getitem__(self, index: int) -> Any:
        return _with_index(index, self._dataset[index])

    def __getitems__(self, indices: Sequence[int]) -> list[Any]:
        """A batch, which a DataLoader asks for at once: its samples pass through no call each."""
        dataset = self._dataset
        if self._has_tensors:
            columns = [map(tensor.__getitem__, indices) for tensor in dataset.tensors]
            return list(zip(indices, *columns, strict=True))
        if hasattr(dataset, "__getitems__"):
            samples = dataset.__getitems__(indices)
        else:
            samples = [dataset[index] for index in indices]
        if set(map(type, samples)) == {tuple}:
            return [(index, *sample) for index, sample in zip(indices, samples, strict=True)]
        return list(map(_with_index, indices, samples))


def _with_index(index: int, sample: Any) -> Any:
    if isinstance(sample, (tuple, list)):  # asked first: it takes longer to ask for a Mapping
        return (index, *sample)
    return {**sample, "index": index} if isinstance(sample, Mapping) else (index, sample)
