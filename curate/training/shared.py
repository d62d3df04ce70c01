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
    if batch_size < ranks.size:
        raise CurateError(
            f"a batch of {batch_size} cannot be shared out to {ranks.size} ranks: use a larger --batch-size"
        )
    start, stop = (batch_size * rank // ranks.size for rank in (ranks.rank, ranks.rank + 1))
    parts = [order[first : first + batch_size][start:stop] for first in range(0, len(order), batch_size)]
    return np.concatenate(parts), stop - start


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
        if isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d) and not isinstance(layer, _Shared):
            kind = type(layer)
            layer.__class__ = _SHARED.setdefault(kind, type(f"Shared{kind.__name__}", (_Shared, kind), {}))
            setattr(layer, "ranks", ranks)  # noqa: B010  a module takes any attribute


class _Shared:
    """Mixed into a class of batch normalization, whose `ranks` it asks for theirs."""

    ranks: World

    def forward(self: Any, images: Tensor) -> Tensor:
        if not self.training:
            return functional.batch_norm(
                images, self.running_mean, self.running_var, self.weight, self.bias, False, 0.0, self.eps
            )
        scale = torch.ones_like(self.running_mean) if self.weight is None else self.weight
        shift = torch.zeros_like(scale) if self.bias is None else self.bias
        normal, mean, variance, n = _Normalized.apply(images.float(), scale, shift, self.eps, self.ranks)
        self.num_batches_tracked += 1
        rate = self.momentum if self.momentum is not None else 1 / float(self.num_batches_tracked)
        self.running_mean.lerp_(mean.to(self.running_mean.dtype), rate)
        self.running_var.lerp_((variance * (n / (n - 1).clamp(min=1))).to(self.running_var.dtype), rate)
        return normal.to(images.dtype)


_SHARED: dict[type, type] = {}


class _Normalized(torch.autograd.Function):
    """Batch normalization by mean and variance of each channel in the batch of all ranks.

    Ranks add up twice, once each way. Also mean, variance and of how many numbers they are, float64. Source:
    Ioffe and Szegedy 2015.
    """

    @staticmethod
    def forward(
        context: Any, images: Tensor, scale: Tensor, shift: Tensor, eps: float, ranks: World
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        n_channels = images.shape[1]
        here = torch.zeros(2, n_channels, dtype=torch.float64, device=images.device)
        if images.numel():
            own_mean, own_variance = map(
                Tensor.double, torch.batch_norm_update_stats(images, None, None, 0.0)
            )
            here = torch.stack([own_mean, own_variance + own_mean * own_mean])
        n_here = images.numel() // n_channels
        whole = torch.cat([n_here * here.flatten(), here.new_tensor([n_here])])
        ranks.add_up(whole)
        n = whole[-1]
        mean, squares = (whole[:-1] / n).split(n_channels)
        variance = (squares - mean * mean).clamp_(min=0)
        context.save_for_backward(images, scale, mean.float(), variance.float(), n)
        context.eps, context.ranks = eps, ranks
        context.mark_non_differentiable(mean, variance, n)
        made = functional.batch_norm(images, mean.float(), variance.float(), scale, shift, False, 0.0, eps)
        return made, mean, variance, n

    @staticmethod
    def backward(context: Any, gradient: Tensor, *_: Tensor) -> tuple[Tensor, Tensor, Tensor, None, None]:
        images, scale, mean, variance, n = context.saved_tensors
        of_scale, of_shift = torch.zeros_like(scale), torch.zeros_like(scale)
        if images.numel():
            nothing, sums_only = images.new_empty(0), [False, True, True]
            _, of_scale, of_shift = torch.ops.aten.native_batch_norm_backward(
                gradient, images, scale, mean, variance, nothing, nothing, False, context.eps, sums_only
            )
        whole = torch.cat([of_shift, of_scale]).double()
        context.ranks.add_up(whole)
        through_mean, through_variance = (whole / n).float().split(len(mean))
        over = (variance + context.eps).rsqrt()
        slope = -scale * over * over * through_variance
        level = -scale * over * through_mean - slope * mean
        wide = (1, -1, *[1] * (images.dim() - 2))
        flows = torch.addcmul(level.view(wide), images, slope.view(wide))  # through mean and variance
        flows.addcmul_(gradient, (scale * over).view(wide))  # as if these were given
        return flows, of_scale, of_shift, None, None
