"""How hyperparameters become steps: the optimizer, its limits, and the same bits for the same command."""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch

from curate.networks.model import Hyperparameters


def optimizer_of(
    parameters: Iterable[torch.Tensor], hyperparameters: Hyperparameters
) -> torch.optim.Optimizer:
    """The optimizer of these hyperparameters, for these parameters."""
    if hyperparameters.optimizer == "adam":
        return torch.optim.Adam(
            parameters, lr=hyperparameters.lr, weight_decay=hyperparameters.weight_decay, fused=True
        )
    return torch.optim.SGD(
        parameters,
        lr=hyperparameters.lr,
        momentum=hyperparameters.momentum,
        weight_decay=hyperparameters.weight_decay,
        nesterov=hyperparameters.momentum > 0,
        fused=True,
    )


@contextmanager
def repeatable(device: torch.device, seed: int) -> Iterator[None]:
    """The same bits for the same command; the state of the caller is left as it was.

    A CPU at a fixed thread count repeats by itself; CUDA has to be asked.
    """
    devices = [device] if device.type == "cuda" else []
    memory: Any = torch.utils.deterministic
    was, was_filling = torch.are_deterministic_algorithms_enabled(), memory.fill_uninitialized_memory
    with torch.random.fork_rng(devices=devices):
        torch.default_generator.manual_seed(seed)  # torch.manual_seed spends a traceback on each kind of GPU
        if device.type == "cuda":
            torch.cuda.manual_seed(seed)
            os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
            torch.use_deterministic_algorithms(True)
            memory.fill_uninitialized_memory = False
        try:
            yield
        finally:
            torch.use_deterministic_algorithms(was)
            memory.fill_uninitialized_memory = was_filling
