"""What training keeps in memory of a batch, and the batch that fits."""

import torch

from curate.networks.learner import Learner

CPU_LIMIT = 2 * 2**30  # bytes that a batch may keep; the same on every machine, since it decides the result


def bytes_per_sample(learner: Learner) -> float:
    """What the forward pass of one sample keeps for the backward pass, in bytes.

    Measured with one sample and with two, in evaluation mode: what belongs to the network alone, such as
    its weights, is the same in both.
    """
    was_training = learner.module.training
    learner.module.eval()
    try:
        one, two = (_kept(learner, n) for n in (1, 2))
    finally:
        learner.module.train(was_training)
    return two - one


def largest_batch(learner: Learner, batch_size: int) -> int:
    """The batch size, halved until a batch keeps no more than the device has room for."""
    size, of_one = batch_size, bytes_per_sample(learner)
    while size > 1 and size * of_one > _limit(learner.device):
        size //= 2
    return size


def _kept(learner: Learner, n: int) -> int:
    """The bytes that the forward pass of `n` samples keeps, storage by storage."""
    kept: dict[int, int] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    images = torch.zeros((n, learner.n_channels, *learner.input_size), device=learner.device)
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor), torch.enable_grad():
        learner.logits(images)
    return sum(kept.values())


def _limit(device: torch.device) -> float:
    if device.type == "cuda":
        return torch.cuda.get_device_properties(device).total_memory / 2
    return CPU_LIMIT
