"""Parts of images that are on a GPU already, cut and scaled there, many at a time."""

import torch
from torch import Tensor


def scaled_parts(images: Tensor, boxes: Tensor, size: tuple[int, int]) -> Tensor:
    """The part of each image at its box, scaled to a size, uint8 `[n, c, *size]`.

    images uint8 `[n, c, h, w]`; boxes int `[n, 4]`: top, left, height, width. Scaling is bilinear and
    antialiased as that of PIL, from which rounding may differ by one level: a triangle as wide as a scaled
    pixel, or a stored one where that is wider, cut off at the sides of the box.
    """
    tops, lefts, heights, widths = boxes.to(images.device, torch.float32).unbind(1)
    down = _weights(tops, heights, images.shape[2], size[0])
    right = _weights(lefts, widths, images.shape[3], size[1])
    floats = down[:, None] @ images.float() @ right[:, None].transpose(2, 3)
    return floats.round_().clamp_(0, 255).to(torch.uint8)


def _weights(starts: Tensor, lengths: Tensor, n_stored: int, n: int) -> Tensor:
    """How much of each stored pixel is in each scaled one along an axis, float32 `[batch, n, n_stored]`."""
    starts, lengths = starts[:, None, None], lengths[:, None, None]
    each = lengths / n
    middles = starts + each * (torch.arange(n, device=starts.device) + 0.5)[:, None]
    stored = torch.arange(n_stored, device=starts.device) + 0.5
    weights = (1 - (stored - middles).abs() / each.clamp(min=1)).clamp_(min=0)
    weights = weights * ((stored > starts) & (stored < starts + lengths))
    return weights / weights.sum(2, keepdim=True)
