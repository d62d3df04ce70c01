"""Ranks: what they sum, gather and agree on, and that none waits for one that is gone."""

import os
import re
import sys
import time
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from helpers.ranks import codes, done, errors, together

from curate import world
from curate.errors import CurateError

pytest_plugins = ["helpers.forks"]
NCCL = "cpu:gloo,cuda:nccl"

TELL = """
import numpy as np
from curate import world
world.join()
ranks = world.here()
assert (ranks.size, world.is_started()) == (3, True)
for _ in range(2):
    mine = np.arange(4.0).reshape(2, 2) * 10**ranks.rank
    assert ranks.total(mine).tolist() == [[0, 111], [222, 333]] and mine[0, 1] == 10**ranks.rank
    assert ranks.total(np.array([ranks.rank == 1])).tolist() == [True]
    own = [np.arange(ranks.rank * 3), np.full(ranks.rank + 1, ranks.rank, np.float32)]
    own.append(np.array([ranks.rank == 1]))
    for other, (index, loss, flag) in enumerate(ranks.gather(own)):
        assert index.dtype == np.int64 and index.tolist() == list(range(other * 3))
        assert loss.dtype == np.float32 and loss.tolist() == [other] * (other + 1)
        assert flag.dtype == np.bool_ and flag.tolist() == [other == 1]
parts = ranks.gather([np.array(world.share(10)), np.array(world.dealt(8))])
assert [part.tolist() for part, _ in parts] == [[0, 3], [3, 6], [6, 10]]
assert sorted(np.concatenate([dealt for _, dealt in parts]).tolist()) == list(range(8))
ranks.agree({"a": 1, "b": [1, 2]})
order = []
world.first_alone(lambda: print("first", world.here().size, flush=True) if ranks.rank == 0 else None)
assert world.here() is ranks
world.leave()
assert (world.here().size, world.here().rank) == (1, 0)
raise SystemExit
"""


def test_three_ranks_sum_gather_and_agree(forks, tmp_path):
    assert done(together(forks, 3, [], tmp_path, before=TELL)) == "first 1\n"


def test_alone_all_of_it_is_ones_own():
    alone = world.here()
    assert (alone.rank, alone.size, world.is_started()) == (0, 1, False)
    array = np.arange(3)
    assert alone.total(array) is array
    assert alone.gather([array])[0][0] is array
    assert world.share(7) == (0, 7)
    assert list(world.dealt(3)) == [0, 1, 2]
    alone.agree({"a": 1})
    alone.wait()
    assert world.first_alone(lambda: 5) == 5
    world.leave()
    assert world.is_first_to_say()


@pytest.mark.parametrize(
    ("machine", "bound_to", "ranks", "own"),
    [
        (8, 8, "", 8),
        (8, 3, "", 3),
        (8, 8, "4", 2),
        (8, 2, "4", 2),
        (2, 2, "3", 1),
        (2, 2, "0", 2),
        (2, 2, "x", 2),
    ],
)
def test_the_ranks_of_a_machine_share_its_processors(monkeypatch, machine, bound_to, ranks, own):
    monkeypatch.setattr(os, "cpu_count", lambda: machine)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(bound_to)), raising=False)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("LOCAL_WORLD_SIZE", ranks)
    assert world.cores() == own


class Two(world.World):
    """The first of two ranks."""

    size = 2


def test_the_first_has_all_processors_while_the_other_waits_and_not_while_it_works(monkeypatch):
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "2")
    monkeypatch.setattr(world, "_world", Two())
    assert world.first_alone(lambda: (world.first_alone(world.cores), world.cores())) == (8, 8)
    with world.alone():
        assert world.first_alone(world.cores) == 4
    assert world.cores() == 4


class Told(dict):
    """A store that other ranks have told of their GPUs."""

    set = dict.__setitem__

    def get(self, name):
        return self[name].encode()


@pytest.mark.parametrize(
    ("gpus", "backend"),
    [("|", "gloo"), ("a|a", "gloo"), ("a|b", NCCL), ("a|", "gloo"), ("a|b|b", "gloo")],
)
def test_ranks_that_share_a_gpu_talk_through_gloo(monkeypatch, gpus, backend):
    gpus = gpus.split("|")
    store = Told({f"curate/gpu/{rank}": gpu for rank, gpu in enumerate(gpus)})
    monkeypatch.setattr(torch.cuda, "is_available", lambda: bool(gpus[0]))
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 0)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _: SimpleNamespace(uuid=gpus[0]))
    assert world._backend(store, 0, len(gpus)) == backend


DIFFER = """
from curate import world
from curate.errors import CurateError
world.join()
try:
    world.here().agree({"a": 1, "data": "x" * 100 + str(world.here().rank)})
except CurateError as problem:
    print(problem, world.is_first_to_say(), flush=True)
world.leave()
raise SystemExit
"""


def test_what_differs_is_named_by_all_and_said_by_one(forks, tmp_path):
    ranks = together(forks, 2, [], tmp_path, before=DIFFER)
    assert codes(ranks) == [0, 0], ranks[0].err.read_text()
    told = [rank.out.read_text() for rank in ranks]
    for line in told:
        assert "ranks differ in data: rank 0 has ..." in line
        assert "x0, rank 1 has ..." in line
    assert sorted(line.split()[-1] for line in told) == ["False", "True"]


GONE = """
import os, signal, sys, time
import numpy as np
from curate import world
world._BEAT, world._GONE = 0.1, 6.0
world.join()
ranks = world.here()
ranks.wait()
if ranks.rank == 1:
    os.kill(os.getpid(), HOW)
try:
    for _ in range(10**9):
        ranks.total(np.zeros(1000))
except world.GoneError as problem:
    print(problem, flush=True)
    os._exit(3)
"""


def test_a_rank_that_is_killed_is_noticed_at_once(forks, tmp_path):
    ranks = together(forks, 3, [], tmp_path, before=GONE.replace("HOW", "signal.SIGKILL"))
    began = time.monotonic()
    assert codes(ranks, 30) == [3, -9, 3]
    assert time.monotonic() - began < 30
    for rank in (0, 2):
        assert "another rank has ended before its work was done" in ranks[rank].out.read_text()


def test_a_rank_that_does_nothing_any_more_ends_the_others_in_one_line(forks, tmp_path):
    ranks = together(forks, 3, [], tmp_path, before=GONE.replace("HOW", "signal.SIGSTOP"))
    assert [ranks[place].wait(30) for place in (0, 2)] == [1, 1]
    ranks[1].kill()
    assert errors(ranks) == [
        "error: nothing was heard of rank 1 for 6 s: start the same command again, which goes on where it was"
    ]


def test_a_rank_that_does_not_come_is_not_waited_for(forks, tmp_path):
    alone = """
import os
from curate import world
world._MEET = 2.0
if os.environ["RANK"] == "1":
    os._exit(7)
"""
    ranks = together(forks, 3, ["embed", "digits"], tmp_path, before=alone)
    assert codes(ranks, 30) == [2, 7, 2]
    assert re.search("the ranks cannot meet|of 3 ranks 1 did not come within 2 s", errors(ranks)[0])


def test_where_nobody_is_met_it_says_so(monkeypatch):
    meeting = {"RANK": "1", "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "x"}
    for name, value in meeting.items():
        monkeypatch.setenv(name, value)
    assert world.is_started()
    with pytest.raises(CurateError, match="the ranks cannot meet"):
        world.join()
