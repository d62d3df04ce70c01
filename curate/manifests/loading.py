"""A manifest for those who do not train with curate: arrays, a torch sampler, keys.

kept = curate.load_manifest("digits-furthest")            # or hf:owner/name@v1
subset = torch.utils.data.Subset(dataset, kept.rows())
loader = DataLoader(dataset, sampler=kept.sampler(seed=0))
dataset = dataset.select(kept.rows())                     # datasets.Dataset
urls = wds.WebDataset(shards).select(kept.has_key(keys))  # keys in order of row

All of it counts rows: places in the source, as torchvision, datasets and everyone else count them. curate's
own count of the same samples, where some were held out, skipped or taken away, is `index`; it is in the
manifest, for curate.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from curate.data.identity import Indices
from curate.errors import CurateError
from curate.manifests.manifest import Manifest, Weights, rows_of

if TYPE_CHECKING:
    from curate.manifests.sampler import ManifestSampler


@dataclass(frozen=True)
class LoadedManifest:
    """A verified manifest, as other libraries like it. Epochs are counted from 0; a static one has any."""

    manifest: Manifest

    def __len__(self) -> int:
        """Selected samples, those of all epochs together."""
        return len(self.manifest)

    def __repr__(self) -> str:
        return repr(self.manifest).replace("<Manifest", "<LoadedManifest", 1)

    @property
    def n_rows(self) -> int:
        """Samples in the source, as other libraries count them."""
        return self.manifest.n_rows

    @property
    def n_epochs(self) -> int:
        """How many epochs have a selection of their own: 1 when static."""
        return self.manifest.n_epochs

    def rows(self, epoch: int = 0) -> Indices:
        """The rows selected in an epoch, int64 `[k]`, sorted: for `Subset` and `Dataset.select`."""
        return np.sort(rows_of(self.manifest, self.manifest.selected(epoch).indices))

    def mask(self, epoch: int = 0) -> npt.NDArray[np.bool_]:
        """Which rows are selected in an epoch, bool `[n_rows]`."""
        mask = np.zeros(self.n_rows, np.bool_)
        mask[self.rows(epoch)] = True
        return mask

    def weights(self, epoch: int = 0) -> Weights:
        """The loss weight of each row in an epoch, float32 `[n_rows]`: 0 where it is not selected."""
        selected = self.manifest.selected(epoch).indices
        weights = np.zeros(self.n_rows, np.float32)
        weights[rows_of(self.manifest, selected)] = self.manifest.weights(epoch)[selected]
        return weights

    def sampler(self, **options: Any) -> "ManifestSampler":
        """A torch sampler of rows; its options are those of `curate.sampler.ManifestSampler`."""
        from curate.manifests.sampler import ManifestSampler

        return ManifestSampler(self.manifest, **options)

    def keys(self, keys: Sequence[str], epoch: int = 0) -> list[str]:
        """Those of `keys`, one for each row of the source in order, that an epoch selects."""
        if len(keys) != self.n_rows:
            raise CurateError(
                f"{len(keys):,} keys for {self.n_rows:,} samples: give one per sample of the source, in order"
            )
        return [keys[row] for row in self.rows(epoch)]

    def has_key(self, keys: Sequence[str], epoch: int = 0) -> Callable[[Mapping[str, Any]], bool]:
        """A predicate for `WebDataset.select`: whether a sample's `__key__` is selected in an epoch."""
        chosen = frozenset(self.keys(keys, epoch))
        return lambda sample: sample["__key__"] in chosen
