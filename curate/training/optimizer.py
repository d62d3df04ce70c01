"""How hyperparameters become steps: the optimizer, its limits, and the same bits for the same command."""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch

from curate.networks.model import Hyperparameters
from curate.networks.optimizers import Adam, Sgd


def optimizer_of(
    parameters: Iterable[torch.Tensor], hyperparameters: Hyperparameters
) -> torch.optim.Optimizer:
    """The optimizer of these hyperparameters, for these parameters."""
    made: torch.optim.Optimizer
    shared = {"lr": hyperparameters.lr, "weight_decay": hyperparameters.weight_decay, "fused": True}
    if hyperparameters.optimizer == "adam":
        made = Adam(parameters, **shared)
    else:
        momentum = hyperparameters.momentum
        made = Sgd(parameters, momentum=momentum, nesterov=momentum > 0, **shared)
    return made


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
            if device.type == "cuda":
                torch.use_deterministic_algorithms(was)
                memory.fill_uninitialized_memory = was_filling
