"""What a manifest selects, read by MosaicML Streaming: shards are shuffled as always, over what is kept.

python examples/mosaic_streaming.py MANIFEST SHARDS   (written by MDSWriter, in order of row)
"""

import math
import sys

import numpy as np
from streaming import StreamingDataset
from streaming.base.world import World
from torch.utils.data import DataLoader

import curate


class Kept(StreamingDataset):
    """The samples of the epoch that is presented; it holds for all ranks and workers."""

    def __init__(self, kept, **options):
        super().__init__(**options)
        self.kept = kept

    def resample_streams(self, epoch, stream_id=None):
        """How many samples each shard gives, and which."""
        of_shard, rows = super().resample_streams(epoch, stream_id)
        mask = self.kept.mask(epoch)[rows]
        of_shard = np.add.reduceat(mask, np.cumsum(of_shard) - of_shard)
        self.epoch_size = int(mask.sum())
        self.length = math.ceil(self.epoch_size / World.detect().num_ranks)
        return of_shard[of_shard > 0], rows[mask]


kept = curate.load_manifest(sys.argv[1])
dataset = Kept(kept, local=sys.argv[2], batch_size=16, shuffle=True)
loader = DataLoader(dataset, batch_size=16)
presented = [[row for batch in loader for row in batch["row"].tolist()] for _ in range(2)]
print(f"two epochs of {len(kept.rows())} samples: {[len(set(rows)) for rows in presented]}")
