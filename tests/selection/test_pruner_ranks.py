"""Several ranks: each observes its share, and all select what one process would have selected."""

import numpy as np
import pytest
from helpers.own_loops import Threads, together

import curate
from curate.errors import CurateError
from curate.rng import rng

N, EPOCHS = 40, 6
CASES = [
    {"policy": "random", "keep": 0.5},
    {"policy": "ema", "keep": 0.5, "warm_up": "0.2"},
    {"policy": "ucb", "keep": "0.3:0.7", "period": 2},
    {"policy": "infobatch"},
    {"policy": "ema", "keep": 0.5, "trust": 0.9, "observe": "training", "trace": True},
    {"policy": "uncertainty", "keep": 0.5, "observe": "evaluation"},
]


def loss_of(index, epoch):
    """Losses that depend on the sample and the epoch alone, as those of a network that learns nothing."""
    return rng(0, "losses", epoch).random(N, np.float32)[index]


def made(case, ranks=None, **more):
    asked = dict(case)
    if asked.get("observe") == "evaluation":
        asked["losses"] = lambda indices: loss_of(indices, 99)
    labels = np.arange(N) % 3
    return curate.Pruner(N, **asked, epochs=EPOCHS, seed=4, labels=labels, ranks=ranks, **more)


def driven(pruner, batch=4):
    """What each epoch selects; every sample is observed with the loss that it has then."""
    selected = []
    for epoch in range(pruner.n_epochs):
        pruner.set_epoch(epoch)
        order = list(pruner.sampler)
        for start in range(0, len(order), batch):
            index = np.array(order[start : start + batch])
            logits = np.stack([loss_of(index, epoch), loss_of(index, 50), loss_of(index, 51)], 1)
            pruner.observe(index, loss_of(index, epoch), logits)
        selected.append(pruner.selected.tolist())
    return selected


@pytest.mark.parametrize("size", [2, 3])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case["policy"])
def test_all_ranks_select_what_one_process_does(case, size, tmp_path):
    alone = made(case)
    expected = driven(alone)

    def work(rank):
        pruner = made(case, rank)
        selected = driven(pruner)
        return selected, pruner.save(tmp_path / "m")

    ranks = Threads.of(size)
    told = together(ranks, work)
    assert [selected for selected, _ in told] == [expected] * size
    assert [manifest is not None for _, manifest in told] == [True] + [False] * (size - 1)
    manifest = curate.open_manifest(tmp_path / "m")
    assert manifest.header.world_size == size
    one = alone.save(tmp_path / "alone")
    assert (manifest.samples["n_selected"] == one.samples["n_selected"]).all()
    checkpoints = -(-EPOCHS // case.get("period", 1))
    passes = checkpoints if case.get("observe") == "evaluation" else 0
    assert ranks[0].gathers <= 2 + checkpoints + passes  # at the start, once a checkpoint, at the end


def test_shares_are_as_large_and_together_they_are_the_epoch():
    def work(rank):
        pruner = curate.Pruner(11, keep=7, epochs=2, ranks=rank)
        pruner.set_epoch(0)
        return list(pruner.sampler), pruner.order(whole=True).tolist()

    told = together(Threads.of(3), work)
    shares, whole = [share for share, _ in told], told[0][1]
    assert [len(share) for share in shares] == [3, 3, 3]
    assert {index for share in shares for index in share} == set(whole)
    assert [one for three in zip(*shares, strict=True) for one in three][:7] == whole


@pytest.mark.parametrize("other", [{"seed": 5}, {"keep": 0.4}, {"policy": "ema"}, {"samples": 41}])
def test_ranks_that_were_made_otherwise_are_refused_by_all(other):
    def work(rank):
        asked = {"samples": 40, "policy": "random", "keep": 0.5, "epochs": 4, "seed": 4}
        with pytest.raises(
            CurateError, match="rank 1 has a Pruner of other arguments, seed or data than rank 0"
        ):
            curate.Pruner(**{**asked, **(other if rank.rank else {})}, ranks=rank)

    together(Threads.of(2), work)


def test_each_rank_goes_on_from_its_own_state():
    case = {"policy": "ema", "keep": 0.6}
    expected = driven(made(case))
    states = [None, None]

    def first(rank):
        pruner = made(case, rank)
        for epoch in range(3):
            pruner.set_epoch(epoch)
            order = list(pruner.sampler)
            index = np.array(order[:5] if epoch == 2 else order)  # the third epoch breaks off
            pruner.observe(index, loss_of(index, epoch))
        states[rank.rank] = pruner.state_dict()

    def later(rank):
        pruner = made(case, rank)
        pruner.load_state_dict(states[rank.rank])
        index = np.array(list(pruner.sampler))
        assert len(index) == 7
        pruner.observe(index, loss_of(index, 2))
        selected = []
        for epoch in range(3, EPOCHS):
            pruner.set_epoch(epoch)
            index = np.array(list(pruner.sampler))
            pruner.observe(index, loss_of(index, epoch))
            selected.append(pruner.selected.tolist())
        return selected

    together(Threads.of(2), first)
    assert together(Threads.of(2), later) == [expected[3:]] * 2
    with pytest.raises(CurateError, match="the state is of rank 0 of 2, and this is rank 0 of 1"):
        made(case).load_state_dict(states[0])
