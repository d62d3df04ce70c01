"""What a forward pass knows of each sample, from logits `[batch, classes]`: margin, error norm, entropy."""

import torch
from torch import Tensor
from torch.nn import functional


def margins(logits: Tensor, labels: Tensor) -> Tensor:
    """How far the label is ahead: its logit minus the largest other one, `[batch]`."""
    own = logits.gather(1, labels[:, None])[:, 0]
    return own - logits.scatter(1, labels[:, None], -torch.inf).amax(1)


def error_norms(logits: Tensor, labels: Tensor) -> Tensor:
    """‖p − y‖₂ with p the softmax and y the one-hot label, `[batch]`, 0 to √2."""
    wanted = functional.one_hot(labels, logits.shape[1])
    return torch.linalg.vector_norm(logits.softmax(1) - wanted, dim=1)


def entropies(logits: Tensor) -> Tensor:
    """−Σ p ln p in nats, `[batch]`, 0 to ln(classes)."""
    return torch.special.entr(logits.softmax(1)).sum(1)
