"""What a manifest selects, read by NVIDIA DALI: an external source that follows it, epoch by epoch.

python examples/dali_photographs.py MANIFEST PHOTOS   (such as photos/train; on a GPU, decode "mixed")
"""

import sys

import numpy as np
from nvidia.dali import fn, pipeline_def, types
from nvidia.dali.plugin.pytorch import DALIGenericIterator
from torchvision.datasets import ImageFolder

import curate

BATCH = 8
kept = curate.load_manifest(sys.argv[1])
samples = ImageFolder(sys.argv[2]).samples  # paths and labels, in order of row


class Selected:
    """The samples of an epoch in curate's order; the last batch is filled up with the first of them."""

    def __init__(self):
        self.sampler, self.rows = kept.sampler(seed=0), []

    def __call__(self, info):
        if info.idx_in_epoch == 0:
            self.sampler.set_epoch(info.epoch_idx)
            self.rows = list(self.sampler)
        if info.iteration * BATCH >= len(self.rows):
            raise StopIteration
        path, label = samples[self.rows[info.idx_in_epoch % len(self.rows)]]
        return np.fromfile(path, np.uint8), np.array([label])


@pipeline_def(batch_size=BATCH, num_threads=2, device_id=None)
def pictures():
    encoded, label = fn.external_source(
        Selected(), num_outputs=2, batch=False, dtype=[types.UINT8, types.INT64]
    )
    return fn.resize(fn.decoders.image(encoded, device="cpu"), size=(32, 32)), label


loader = DALIGenericIterator(pictures(), ["images", "labels"], auto_reset=True)
presented = [[batch[0]["labels"].flatten().tolist() for batch in loader] for _ in range(2)]
print(f"two epochs of {len(kept.rows())} samples, in {[len(batches) for batches in presented]} batches")
