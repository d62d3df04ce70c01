"""The optimizers are torch's own to the bit, and torch's compiler is not imported for them."""

import subprocess
import sys

import pytest
import torch

from curate.networks.optimizers import Adam, Sgd, step_together
from curate.world import World


def trained(kind, **how):
    torch.manual_seed(0)
    model = torch.nn.Linear(5, 3)
    optimizer = kind(model.parameters(), lr=0.1, **how)
    for step in range(6):
        if step == 3:  # as after a kill
            state = optimizer.state_dict()
            optimizer = kind(model.parameters(), lr=0.5, **how)
            optimizer.load_state_dict(state)
        optimizer.zero_grad()
        model(torch.arange(10.0).view(2, 5)).square().sum().backward()
        optimizer.step()
    return [parameter.detach() for parameter in model.parameters()]


class Twice(World):
    """One of two ranks that have the same samples."""

    size = 2

    def add_up(self, tensor):
        tensor *= 2


def test_ranks_step_down_the_mean_of_all_and_know_it():
    models = [torch.nn.Linear(5, 3), torch.nn.Linear(5, 3), torch.nn.Linear(2, 2)]
    models[1].load_state_dict(models[0].state_dict())
    own, theirs = (Sgd(model.parameters(), lr=0.1) for model in models[:2])
    idle = list(models[2].parameters())
    before = [parameter.clone() for parameter in idle]
    samples = torch.arange(10.0).view(2, 5)
    losses = models[0](samples).square().sum(1)
    mean = step_together([*models[0].parameters(), *idle], own, losses, Twice())
    theirs.zero_grad()
    models[1](samples.repeat(2, 1)).square().sum(1).mean().backward()
    theirs.step()
    assert mean.item() == pytest.approx(losses.mean().item())
    assert mean.untyped_storage().nbytes() == 4
    for one, other in zip(models[0].parameters(), models[1].parameters(), strict=True):
        assert torch.allclose(one, other)
    assert all(torch.equal(one, other) for one, other in zip(idle, before, strict=True))


@pytest.mark.parametrize("fused", [True, False])
@pytest.mark.parametrize(
    ("ours", "theirs", "how"),
    [
        (Adam, torch.optim.Adam, {"weight_decay": 0.1}),
        (Sgd, torch.optim.SGD, {"momentum": 0.9, "nesterov": True, "weight_decay": 0.1}),
        (Sgd, torch.optim.SGD, {}),
    ],
)
def test_a_step_is_that_of_torch_to_the_bit(ours, theirs, how, fused):
    pairs = zip(trained(ours, fused=fused, **how), trained(theirs, fused=fused, **how), strict=True)
    assert all(torch.equal(one, other) for one, other in pairs)


def test_torchs_compiler_scipy_stats_and_scikit_learn_are_not_imported_to_train(here):
    program = """
import sys
import curate
curate.train("digits", hyperparameters={"n_epochs": 1}, options={"width": 2}, output="run")
curate.score("digits", models=2, epochs=1, options={"width": 2}, output="s.parquet")
heavy = ["torch._dynamo", "torch._inductor", "sympy", "torchvision"]
heavy += ["sklearn", "scipy.stats", "faiss", "polars"]
print([name for name in heavy if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]", done.stderr
