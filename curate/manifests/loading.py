"""A manifest for those who do not train with curate: arrays, a torch sampler, keys.

kept = curate.load_manifest("digits-furthest")            # or hf:owner/name@v1
subset = torch.utils.data.Subset(dataset, kept.indices())
loader = DataLoader(dataset, sampler=kept.sampler(seed=0))
dataset = dataset.select(kept.indices())                  # datasets.Dataset
urls = wds.WebDataset(shards).select(kept.has_key(keys))  # keys in order of index
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from curate.data.identity import Indices
from curate.errors import CurateError
from curate.manifests.manifest import Manifest, Weights

if TYPE_CHECKING:
    from curate.manifests.sampler import ManifestSampler


@dataclass(frozen=True)
class LoadedManifest:
    """A verified manifest, as other libraries like it. Epochs are counted from 0; a static one has any."""

    manifest: Manifest

    @property
    def n(self) -> int:
        """Samples in the dataset."""
        return self.manifest.n

    @property
    def n_epochs(self) -> int:
        """How many epochs have a selection of their own: 1 when static."""
        return self.manifest.n_epochs

    def indices(self, epoch: int = 0) -> Indices:
        """The indices selected in an epoch, int64 `[k]`, sorted: for `Subset` and `Dataset.select`."""
        return np.array(self.manifest.selected(epoch).indices)

    def mask(self, epoch: int = 0) -> npt.NDArray[np.bool_]:
        """Which samples are selected in an epoch, bool `[n]`."""
        mask = np.zeros(self.n, np.bool_)
        mask[self.indices(epoch)] = True
        return mask

    def weights(self, epoch: int = 0) -> Weights:
        """The loss weight of each sample in an epoch, float32 `[n]`: 0 where it is not selected."""
        selected = self.manifest.selected(epoch)
        weights = np.zeros(self.n, np.float32)
        weights[selected.indices] = 1 if selected.weights is None else selected.weights
        return weights

    def sampler(self, **options: Any) -> "ManifestSampler":
        """A torch sampler; its options are those of `curate.sampler.ManifestSampler`."""
        from curate.manifests.sampler import ManifestSampler

        return ManifestSampler(self.manifest, **options)

    def keys(self, keys: Sequence[str], epoch: int = 0) -> list[str]:
        """Those of `keys`, one per sample in order of index, that an epoch selects."""
        self._check_names(len(keys))
        return [keys[index] for index in self.indices(epoch)]

    def has_key(self, keys: Sequence[str], epoch: int = 0) -> Callable[[Mapping[str, Any]], bool]:
        """A predicate for `WebDataset.select`: whether a sample's `__key__` is selected in an epoch."""
        chosen = frozenset(self.keys(keys, epoch))
        return lambda sample: sample["__key__"] in chosen

    def _check_names(self, n_names: int) -> None:
        if n_names != self.n:
            raise CurateError(
                f"{n_names:,} keys for {self.n:,} samples: give one per sample, in order of index"
            )
