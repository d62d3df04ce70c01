"""The processes of torch.distributed, for a Pruner in a loop of one's own."""

import torch
import torch.distributed as dist

from curate.errors import CurateError
from curate.world import Ranks


def ranks() -> Ranks:
    """The processes that train together, by torch.distributed's default group, for `Pruner(ranks=...)`."""
    if not (dist.is_available() and dist.is_initialized()):
        raise CurateError("no process group is there: call torch.distributed.init_process_group first")
    on_gpu = dist.get_backend() == "nccl"
    return Ranks(f"cuda:{torch.cuda.current_device()}" if on_gpu else "cpu")
