"""Dynamic pruning with torchdata's StatefulDataLoader: both states are kept, and each skips for itself.

`python examples/stateful_loader.py` breaks off in mid-epoch, goes on in a new loop, and says what was seen.
"""

import torch
from torch.utils.data import TensorDataset
from torchdata.stateful_dataloader import StatefulDataLoader

import curate

dataset = TensorDataset(torch.arange(100).float())


def begin(state=None):
    pruner = curate.Pruner(len(dataset), policy="random", keep=0.5, epochs=3, seed=0)
    loader = StatefulDataLoader(
        pruner.wrap(dataset), batch_size=10, sampler=pruner.whole_sampler, num_workers=2
    )
    if state is not None:
        pruner.load_state_dict(state["pruner"])
        loader.load_state_dict(state["loader"])
    return pruner, loader


def seen_of(pruner, loader, stop=None):
    seen = []
    for step, (index, x) in enumerate(loader, 1):
        pruner.observe(index, x / 100)  # the losses of a network
        seen += index.tolist()
        if step == stop:
            break
    return seen


if __name__ == "__main__":
    pruner, loader = begin()
    pruner.set_epoch(0)
    before = seen_of(pruner, loader, stop=2)
    pruner, loader = begin({"pruner": pruner.state_dict(), "loader": loader.state_dict()})
    after = seen_of(pruner, loader)
    print(f"{len(before)} before, {len(after)} after, {len(set(before + after))} in all")
