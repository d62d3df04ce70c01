"""Optimizers of torch without what they do for its compiler, which they would import.

That takes longer than the training of a small model. A step is the same to the bit. Ranks may take one
together.
"""

import inspect
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from curate.world import World


def _plain(kind: type[torch.optim.Optimizer]) -> Any:
    """A kind of optimizer whose methods are those that the compiler's decorators lie around."""
    names = ("add_param_group", "zero_grad", "state_dict", "load_state_dict")
    methods = {name: inspect.unwrap(getattr(kind, name)) for name in names}
    return type(kind.__name__, (kind,), {**methods, "step": torch.no_grad()(inspect.unwrap(kind.step))})


Adam, Sgd = _plain(torch.optim.Adam), _plain(torch.optim.SGD)


def step_together(
    parameters: Sequence[nn.Parameter], optimizer: torch.optim.Optimizer, losses: Tensor, ranks: World
) -> Tensor:
    """One step down the mean of the losses of all ranks, `[samples]` here; gives that mean."""
    optimizer.zero_grad(set_to_none=True)
    losses.sum().backward()
    own = losses.detach().float()
    gradients = [torch.zeros_like(of) if of.grad is None else of.grad for of in parameters]
    sums = torch.stack([own.sum(), own.new_tensor(len(own))])
    whole = torch.cat([*(gradient.float().flatten() for gradient in gradients), sums])
    ranks.add_up(whole)
    *means, mean_loss, _ = (whole / whole[-1]).split([*(of.numel() for of in parameters), 1, 1])
    for of, mean in zip(parameters, means, strict=True):
        of.grad = mean.view_as(of).to(of.dtype)
    optimizer.step()
    return mean_loss.squeeze().clone()  # else it would hold the gradients
