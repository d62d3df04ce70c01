"""One network trained by several ranks: each presents its part of every batch, and all take the same step.

The gradient is the mean over the batch of all ranks, and so are the statistics of batch normalization: up to
rounding, a run is that of one process with the same batch. Selections are computed on every rank from losses
that all have gathered.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from curate.data.identity import Indices
from curate.errors import CurateError
from curate.training.batches import Batch
from curate.world import World


def part_of(order: Indices, batch_size: int, ranks: World) -> tuple[Indices, int]:
    """The samples of an order that a rank presents, and how many of each full batch."""
    if ranks.size == 1:
        return order, batch_size
    each = -(-batch_size // ranks.size)
    if each * (ranks.size - 1) >= batch_size:
        raise CurateError(
            f"a batch of {batch_size} cannot be shared out to {ranks.size} ranks: use a larger --batch-size"
        )
    start = ranks.rank * each
    parts = [
        order[first : first + batch_size][start : start + each] for first in range(0, len(order), batch_size)
    ]
    return np.concatenate(parts), min(each, batch_size - start)


def to_the_last(batches: Iterable[Batch], n_batches: int, nothing: Batch) -> Iterator[Batch]:
    """The batches, and then `nothing`: every rank takes every step, also one without samples for it."""
    n = 0
    for batch in batches:
        n += 1
        yield batch
    for _ in range(n, n_batches):
        yield nothing


def normalize_together(module: nn.Module, ranks: World) -> None:
    """Have batch normalization take its statistics from the batch of all ranks."""
    if ranks.size == 1:
        return
    for layer in module.modules():
        if isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d):
            kind = type(layer)
            layer.__class__ = _SHARED.setdefault(kind, type(f"Shared{kind.__name__}", (_Shared, kind), {}))
            setattr(layer, "ranks", ranks)  # noqa: B010  a module takes any attribute


def step_together(
    parameters: list[nn.Parameter], optimizer: torch.optim.Optimizer, losses: Tensor, ranks: World
) -> None:
    """One step down the mean of the losses of all ranks, `[presentations]` here."""
    optimizer.zero_grad(set_to_none=True)
    losses.sum().backward()
    n = torch.tensor([float(len(losses))], device=losses.device)
    gradients = [torch.zeros_like(of) if of.grad is None else of.grad for of in parameters]
    whole = torch.cat([*(gradient.float().flatten() for gradient in gradients), n])
    ranks.add_up(whole)
    means = (whole[:-1] / whole[-1]).split([of.numel() for of in parameters])
    for of, mean in zip(parameters, means, strict=True):
        of.grad = mean.view_as(of).to(of.dtype)
    optimizer.step()


class _Shared:
    """Mixed into a class of batch normalization, whose `ranks` it asks for theirs."""

    ranks: World

    def forward(self: Any, images: Tensor) -> Tensor:
        if not self.training:
            return functional.batch_norm(
                images, self.running_mean, self.running_var, self.weight, self.bias, False, 0.0, self.eps
            )
        axes, wide = [0, *range(2, images.dim())], (1, -1, *[1] * (images.dim() - 2))
        floats = images.float()
        counted = torch.tensor([float(images.numel() // images.shape[1])], device=images.device)
        sums = _AddedUp.apply(torch.cat([floats.sum(axes), counted]), self.ranks)
        n = sums[-1].detach()
        mean = sums[:-1] / n
        centred = floats - mean.view(wide)
        variance = _AddedUp.apply((centred * centred).sum(axes), self.ranks) / n
        if self.track_running_stats:
            with torch.no_grad():
                self.num_batches_tracked += 1
                rate = self.momentum if self.momentum is not None else 1 / float(self.num_batches_tracked)
                unbiased = variance * (n / (n - 1).clamp(min=1))
                self.running_mean.lerp_(mean.to(self.running_mean.dtype), rate)
                self.running_var.lerp_(unbiased.to(self.running_var.dtype), rate)
        scaled = centred * torch.rsqrt(variance + self.eps).view(wide)
        if self.affine:
            scaled = scaled * self.weight.view(wide) + self.bias.view(wide)
        return scaled.to(images.dtype)


_SHARED: dict[type, type] = {}


class _AddedUp(torch.autograd.Function):
    """The sum over all ranks; what flows back into it is that of all ranks too."""

    @staticmethod
    def forward(context: Any, values: Tensor, ranks: World) -> Tensor:
        context.ranks = ranks
        summed = values.clone()
        ranks.add_up(summed)
        return summed

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor, None]:
        summed = gradient.clone()
        context.ranks.add_up(summed)
        return summed, None
