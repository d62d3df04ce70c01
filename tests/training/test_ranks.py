"""Ranks over torch.distributed: real processes, gloo, arrays of different lengths."""

import subprocess
import sys

import pytest

import curate
from curate.errors import CurateError

SCRIPT = """
import sys
import numpy as np
import torch.distributed as dist
import curate

rank = int(sys.argv[1])
dist.init_process_group("gloo", init_method="file://" + sys.argv[2], rank=rank, world_size=2)
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
"""


def test_two_processes_tell_each_other(tmp_path):
    script = tmp_path / "ranks.py"
    script.write_text(SCRIPT)
    processes = [
        subprocess.Popen(
            [sys.executable, script, str(rank), str(tmp_path / "store")], stdout=subprocess.PIPE, text=True
        )
        for rank in range(2)
    ]
    assert sorted(process.communicate(timeout=120)[0] for process in processes) == ["told 0\n", "told 1\n"]


def test_without_a_process_group_it_says_what_to_call():
    with pytest.raises(CurateError, match=r"call torch\.distributed\.init_process_group first"):
        curate.ranks()
