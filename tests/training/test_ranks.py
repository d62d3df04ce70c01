"""Ranks over torch.distributed: real processes, gloo, arrays of different lengths."""

import os

import pytest

import curate
from curate.errors import CurateError

pytest_plugins = ["helpers.forks"]

SCRIPT = """
import numpy as np
import torch.distributed as dist
import curate

rank = int(RANK)
dist.init_process_group("gloo", init_method="file://STORE", rank=rank, world_size=2)
ranks = curate.ranks()
assert (ranks.rank, ranks.size) == (rank, 2)
mine = [np.arange(rank * 3, dtype=np.int64), np.full(rank + 1, rank, np.float32), np.array([rank == 1])]
for _ in range(2):
    told = ranks.gather(mine)
    for other, (index, loss, flag) in enumerate(told):
        assert index.dtype == np.int64 and index.tolist() == list(range(other * 3))
        assert loss.dtype == np.float32 and loss.tolist() == [other] * (other + 1)
        assert flag.dtype == np.bool_ and flag.tolist() == [other == 1]
print("told", rank)
raise SystemExit
"""


def test_two_processes_tell_each_other(tmp_path, fresh_forks):
    script = SCRIPT.replace("STORE", str(tmp_path / "store"))
    processes = [
        fresh_forks.start([], tmp_path, os.environ, script.replace("RANK", str(rank))) for rank in range(2)
    ]
    for rank, process in enumerate(processes):
        assert process.wait(120) == 0, process.err.read_text()
        assert process.out.read_text() == f"told {rank}\n"


def test_without_a_process_group_it_says_what_to_call():
    with pytest.raises(CurateError, match=r"call torch\.distributed\.init_process_group first"):
        curate.ranks()
