"""The sampler: the order in which curate trains, shared among ranks, resumed in mid-epoch."""

import json

import numpy as np
import pytest
import torch
from helpers.manifests import EPOCHS, N_ROWS, ROWS, N, made
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.data import DataLoader, Subset, TensorDataset

import curate
from curate.errors import CurateError
from curate.manifests.order import order_of

pytest_plugins = ["helpers.manifests"]


def test_a_torch_subset_and_a_loader(dynamic):
    dataset = TensorDataset(torch.arange(N_ROWS))
    assert [int(x) for (x,) in Subset(dataset, dynamic.rows(1))] == ROWS[1]
    sampler = dynamic.sampler(seed=3)
    loader = DataLoader(dataset, batch_size=2, sampler=sampler)
    for epoch, kept in enumerate(EPOCHS):
        sampler.set_epoch(epoch)
        seen = torch.cat([batch for (batch,) in loader]).tolist()
        assert sorted(seen) == ROWS[epoch]
        assert seen == (2 * order_of(np.array(kept), N, 3, epoch) + 1).tolist()
        assert len(sampler) == len(kept)
        assert len(loader) == -(-len(kept) // 2)


def test_the_order_is_that_in_which_curate_itself_trains(tmp_path):
    """A sampler in the loader of a plain loop presents what the loop of curate presents."""
    from curate.training import loop

    data = curate.open_dataset("digits").take(np.arange(100))
    orders = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "order_of", lambda *given: orders.append(order_of(*given)) or orders[-1])
        run = curate.train(
            data,
            policy="random",
            keep=0.3,
            hyperparameters={"n_epochs": 3},
            test=data,
            seed=4,
            output=tmp_path / "run",
        )
    sampler = curate.load_manifest(run.manifest.path).sampler(seed=4)
    for epoch, order in enumerate(orders):
        sampler.set_epoch(epoch)
        assert list(sampler) == data.rows[order].tolist() != order.tolist()


def test_without_shuffling_rows_ascend(dynamic, tmp_path):
    assert list(dynamic.sampler(shuffle=False)) == ROWS[0]
    reverse = curate.load_manifest(made(tmp_path / "m", rows=np.arange(N)[::-1], n_rows=N))
    assert list(reverse.sampler(shuffle=False)) == [8, 12, 14, 16, 19]


def test_a_static_selection_has_another_order_in_every_epoch(static):
    sampler = static.sampler(seed=1)
    first = list(sampler)
    sampler.set_epoch(7)
    assert sorted(sampler) == sorted(first) == ROWS[0]
    assert list(sampler) != first


def test_iterating_again_is_the_same_epoch_from_its_start(dynamic):
    sampler = dynamic.sampler()
    begun = iter(sampler)
    next(begun), next(begun)
    assert sorted(sampler) == ROWS[0]
    assert list(sampler) == list(sampler)


@settings(deadline=None, max_examples=30)
@given(world=st.integers(1, 6), epoch=st.integers(0, 2), seed=st.integers(0, 9), drop=st.booleans())
def test_ranks_share_an_epoch_alike(world, epoch, seed, drop, tmp_path_factory):
    loaded = curate.load_manifest(_shared(tmp_path_factory))
    shares = []
    for rank in range(world):
        sampler = loaded.sampler(seed=seed, rank=rank, world_size=world, drop_last=drop)
        sampler.set_epoch(epoch)
        shares.append(list(sampler))
    assert len({len(share) for share in shares}) == 1
    together = [row for turn in zip(*shares, strict=True) for row in turn]
    order = (2 * order_of(np.array(EPOCHS[epoch]), N, seed, epoch) + 1).tolist()
    if drop:
        assert together == order[: len(order) // world * world]
    else:
        assert together[: len(order)] == order
        assert together == (order * world)[: len(together)]
        assert len(together) - len(order) < world


_SHARED = []


def _shared(tmp_path_factory):
    if not _SHARED:
        _SHARED.append(made(tmp_path_factory.mktemp("shared") / "m"))
    return _SHARED[0]


@pytest.mark.parametrize("stop", range(8))
def test_a_sampler_goes_on_in_mid_epoch(dynamic, stop):
    calm = dynamic.sampler(seed=2)
    calm.set_epoch(2)
    whole = list(calm)
    killed = dynamic.sampler(seed=2)
    killed.set_epoch(2)
    begun = iter(killed)
    before = [next(begun) for _ in range(stop % len(whole))]
    state = json.loads(json.dumps(killed.state_dict()))
    again = dynamic.sampler(seed=2)
    again.load_state_dict(state)
    again.set_epoch(2)
    assert before + list(again) == whole
    assert list(again) == whole  # and the next pass is a whole one
    again.set_epoch(0)
    assert sorted(again) == ROWS[0]


def test_a_state_of_another_sampler_is_refused(dynamic, static):
    state = dynamic.sampler(seed=2).state_dict()
    for other in (
        dynamic.sampler(seed=3),
        dynamic.sampler(seed=2, rank=1, world_size=2),
        static.sampler(seed=2),
    ):
        with pytest.raises(CurateError, match="the state is of another sampler"):
            other.load_state_dict(state)
    with pytest.raises(CurateError, match="rank=2 of world_size=2 is out of range"):
        dynamic.sampler(rank=2, world_size=2)


def test_weights_are_not_dropped_without_a_word(tmp_path):
    weighted = curate.load_manifest(made(tmp_path / "m", weights=2.5))
    with pytest.raises(CurateError, match=r"m weighs its samples, and a sampler hands out none: "):
        weighted.sampler()
    with pytest.raises(CurateError, match="say weighted=True"):
        weighted.sampler(weighted=False)
    sampler = weighted.sampler(weighted=True, shuffle=False)
    assert list(sampler) == ROWS[0]
    assert weighted.weights(0)[list(sampler)].tolist() == [2.5] * 5


def test_whoever_has_no_weights_may_say_that_they_multiply_by_them(dynamic):
    assert list(dynamic.sampler(weighted=True, seed=1)) == list(dynamic.sampler(seed=1))


def test_past_the_last_epoch_it_refuses_repeats_or_freezes(dynamic):
    n = len(EPOCHS)
    with pytest.raises(CurateError, match=f"has epochs 0 to {n - 1}, not {n}"):
        dynamic.sampler().set_epoch(n)
    with pytest.raises(CurateError, match="past_end=wrap is unknown: use one of refuse, repeat, freeze"):
        dynamic.sampler(past_end="wrap")
    for past_end, of in (("repeat", lambda epoch: epoch % n), ("freeze", lambda epoch: min(epoch, n - 1))):
        sampler = dynamic.sampler(seed=3, past_end=past_end)
        for epoch in range(3 * n):
            sampler.set_epoch(epoch)
            kept = np.array(EPOCHS[of(epoch)])
            assert list(sampler) == (2 * order_of(kept, N, 3, epoch) + 1).tolist()


def test_the_state_of_a_sampler_that_goes_on_past_the_end_is_its_own(dynamic):
    frozen = dynamic.sampler(past_end="freeze")
    frozen.set_epoch(len(EPOCHS) + 1)
    state = json.loads(json.dumps(frozen.state_dict()))
    again = dynamic.sampler(past_end="freeze")
    again.load_state_dict(state)
    assert list(again) == list(frozen)
    with pytest.raises(CurateError, match="the state is of another sampler"):
        dynamic.sampler(past_end="repeat").load_state_dict(state)


def test_a_manifest_is_as_long_as_its_selections_together(dynamic):
    assert len(dynamic) == len(dynamic.manifest) == sum(map(len, EPOCHS))
    assert repr(dynamic).startswith("<LoadedManifest ")
