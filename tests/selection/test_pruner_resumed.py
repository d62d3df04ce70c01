"""A Pruner that goes on from its state, in mid-epoch, ends as if nothing had happened."""

import json

import numpy as np
import pytest
import torch
from helpers.own_loops import Loop
from helpers.sessions import QUICK

import curate
from curate.errors import CurateError
from curate.networks.learner import weights_sha256

pytest_plugins = ["helpers.sessions"]
pytestmark = pytest.mark.usefixtures("one_thread")

CASES = [
    {"policy": "random", "keep": 0.5},
    {"policy": "ucb", "keep": 0.5, "period": 2},
    {"policy": "ema", "keep": "0.3:0.6", "trust": 0.9, "observe": "training", "trace": True},
    {"policy": "ema", "keep": 0.5, "adapt": 0.9, "observe": "training"},
    {"policy": "infobatch"},
]


def made(few, **asked):
    return curate.Pruner(few, epochs=QUICK.n_epochs, seed=1, **asked)


def content(folder):
    names = [path.name for path in folder.iterdir()]
    return {name: (folder / name).read_bytes() for name in sorted(names) if name != "README.md"}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["policy"])
@pytest.mark.parametrize("stop", [(0, 1), (2, 0), (3, 1), (5, 2)])
def test_it_goes_on_in_mid_epoch_to_the_same_bytes(few, tmp_path, case, stop):
    calm = Loop(few, QUICK)
    undisturbed = made(few, **case)
    weights = calm.train(undisturbed)
    undisturbed.save(tmp_path / "calm")

    loop, pruner = Loop(few, QUICK), made(few, **case)
    loader = loop.loader(pruner)
    for epoch in range(stop[0]):
        loop.epoch(pruner, epoch, loader)
    loop.epoch(pruner, stop[0], loader, stop=stop[1])
    state = json.loads(json.dumps(pruner.state_dict()))

    later = made(few, **case)
    later.load_state_dict(state)
    loader = loop.loader(later)
    assert later.epoch == stop[0]
    for epoch in range(later.next_epoch, later.n_epochs):
        loop.epoch(later, epoch, loader)
    assert weights_sha256(loop.learner) == weights
    later.save(tmp_path / "later")
    assert content(tmp_path / "later") == content(tmp_path / "calm")


def test_what_workers_fetched_and_nobody_trained_on_is_presented_after_it(few):
    loop, pruner = Loop(few, QUICK), made(few, policy="random", keep=0.9)
    pruner.set_epoch(0)
    seen, batches = [], iter(loop.loader(pruner, workers=2))
    for _ in range(1):
        index, *_rest = next(batches)
        pruner.observe(index, torch.ones(len(index)))
        seen += index.tolist()
    del batches
    later = made(few, policy="random", keep=0.9)
    later.load_state_dict(pruner.state_dict())
    rest = [index for batch in loop.loader(later) for index in batch[0].tolist()]
    assert seen + rest == pruner.order(whole=True).tolist()
    assert len(rest) == 40


def test_the_state_is_what_weights_only_loading_takes(few, tmp_path):
    loop, pruner = Loop(few, QUICK), made(few, policy="infobatch")
    for epoch in range(2):
        loop.epoch(pruner, epoch, loop.loader(pruner))
    torch.save(pruner.state_dict(), tmp_path / "state.pt")
    later = made(few, policy="infobatch")
    later.load_state_dict(torch.load(tmp_path / "state.pt", weights_only=True))
    assert later.selected.tolist() == pruner.selected.tolist()
    assert later.next_epoch == 2
    assert list(later.sampler) == []  # the epoch that it was in is done


def test_a_state_of_other_arguments_is_refused(few):
    state = made(few, policy="random", keep=0.5).state_dict()
    for other in (
        made(few, policy="random", keep=0.4),
        made(few, policy="ema", keep=0.5),
        curate.Pruner(few, "random", keep=0.5, epochs=QUICK.n_epochs, seed=2),
        curate.Pruner(few, "random", keep=0.5, epochs=QUICK.n_epochs + 1, seed=1),
        curate.Pruner(few.take(np.arange(99)), "random", keep=0.5, epochs=QUICK.n_epochs, seed=1),
    ):
        with pytest.raises(CurateError, match="the state is of a Pruner of other arguments or other data"):
            other.load_state_dict(state)
