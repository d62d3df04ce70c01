"""The one training loop. Everything that trains is a policy under it.

A generator: it yields after every epoch, and whoever runs it evaluates, reports or saves in between.
The order of an epoch is a permutation of all samples, of which the selected ones are kept: the order
of a subset is a subsequence of the full order, and replay needs nothing but the seed.
"""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

from curate.errors import CurateError
from curate.learner import Learner
from curate.manifest import Selected
from curate.network import Recipe
from curate.policy import Policy, View
from curate.progress import SILENT, Progress
from curate.rng import rng, stream_seed
from curate.training.batches import Batches, check_augment
from curate.training.schedules import schedule


@dataclass(frozen=True)
class Epoch:
    """One epoch as it happened; loss and accuracy are means over its presentations in training."""

    epoch: int
    selected: Selected
    samples_seen: int
    loss: float
    accuracy: float
    lr: float
    select_seconds: float
    train_seconds: float


def fit(
    learner: Learner,
    policy: Policy,
    data: Batches,
    available: npt.NDArray[np.int64],
    recipe: Recipe,
    seed: int,
    progress: Progress = SILENT,
) -> Iterator[Epoch]:
    """Train a network under a policy, epoch by epoch; `available` are the indices that exist."""
    check_recipe(recipe)
    augment = check_augment(recipe.augment, learner.n_channels)
    optimizer = _optimizer(learner, recipe)
    factor = schedule(recipe.schedule)
    selected, valid_until, samples_seen = Selected(available[:0]), 0, 0
    for epoch in range(recipe.n_epochs):
        started = time.perf_counter()
        if epoch == valid_until:
            view = View(epoch, recipe.n_epochs, available, rng(seed, "policy", epoch))
            plan = policy.plan(view)
            selected, valid_until = plan.selected, epoch + plan.n_epochs
        order = _order(selected, data.n, seed, epoch)
        weights = _weights_by_index(selected, data)
        chosen = time.perf_counter()

        n_batches = -(-len(order) // recipe.batch_size)
        loss_sum = torch.zeros((), dtype=torch.float64, device=learner.device)
        n_right = torch.zeros((), dtype=torch.int64, device=learner.device)
        learner.module.train()
        batches = data.augmented(order, recipe.batch_size, augment, seed, epoch)
        with _repeatable(learner.device, stream_seed(seed, "noise", epoch)):
            for step, (images, labels) in enumerate(batches):
                for group in optimizer.param_groups:
                    group["lr"] = recipe.lr * factor((epoch + step / n_batches) / recipe.n_epochs)
                logits = learner.logits(images)
                losses = functional.cross_entropy(logits, labels, reduction="none")
                if weights is not None:
                    start = step * recipe.batch_size
                    losses = losses * weights[order[start : start + len(labels)]]
                optimizer.zero_grad(set_to_none=True)
                losses.mean().backward()
                optimizer.step()
                loss_sum += losses.detach().sum()
                n_right += (logits.detach().argmax(1) == labels).sum()
                progress.advance(len(labels))
        samples_seen += len(order)
        mean_loss = float(loss_sum) / max(1, len(order))
        if not np.isfinite(mean_loss):
            raise CurateError(
                f"the loss is {mean_loss} in epoch {epoch}: use a smaller --lr than {recipe.lr}"
            )
        yield Epoch(
            epoch,
            selected,
            samples_seen,
            mean_loss,
            float(n_right) / max(1, len(order)),
            recipe.lr * factor(epoch / recipe.n_epochs),
            chosen - started,
            time.perf_counter() - chosen,
        )


def _order(selected: Selected, n: int, seed: int, epoch: int) -> npt.NDArray[np.int64]:
    """The selected indices in the order of the epoch."""
    if len(selected.indices) == 0:
        raise CurateError(f"nothing is selected in epoch {epoch}: keep at least one sample")
    kept = np.zeros(n, np.bool_)
    kept[selected.indices] = True
    everything = rng(seed, "order", epoch).permutation(n)
    return everything[kept[everything]]


def _weights_by_index(selected: Selected, data: Batches) -> torch.Tensor | None:
    if selected.weights is None:
        return None
    weights = torch.zeros(data.n, device=data.device)
    weights[torch.from_numpy(selected.indices).to(data.device)] = torch.from_numpy(
        np.array(selected.weights, np.float32)
    ).to(data.device)
    return weights


def _optimizer(learner: Learner, recipe: Recipe) -> torch.optim.Optimizer:
    parameters = learner.module.parameters()
    if recipe.optimizer == "adam":
        return torch.optim.Adam(parameters, lr=recipe.lr, weight_decay=recipe.weight_decay, fused=True)
    return torch.optim.SGD(
        parameters,
        lr=recipe.lr,
        momentum=recipe.momentum,
        weight_decay=recipe.weight_decay,
        nesterov=recipe.momentum > 0,
        fused=True,
    )


@contextmanager
def _repeatable(device: torch.device, seed: int) -> Iterator[None]:
    """The same bits for the same command; the state of the caller is left as it was.

    A CPU at a fixed thread count repeats by itself; CUDA has to be asked.
    """
    devices = [device] if device.type == "cuda" else []
    memory: Any = torch.utils.deterministic
    was, was_filling = torch.are_deterministic_algorithms_enabled(), memory.fill_uninitialized_memory
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(seed)
        if device.type == "cuda":
            os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
            torch.use_deterministic_algorithms(True)
            memory.fill_uninitialized_memory = False
        try:
            yield
        finally:
            torch.use_deterministic_algorithms(was)
            memory.fill_uninitialized_memory = was_filling


def check_recipe(recipe: Recipe) -> None:
    """Refuse settings that cannot train, before any work."""
    limits = {
        "epochs": (recipe.n_epochs, recipe.n_epochs >= 1, "1 or more"),
        "batch-size": (recipe.batch_size, recipe.batch_size >= 1, "1 or more"),
        "lr": (recipe.lr, recipe.lr > 0, "more than 0"),
        "momentum": (recipe.momentum, 0 <= recipe.momentum < 1, "0 to below 1"),
        "weight-decay": (recipe.weight_decay, recipe.weight_decay >= 0, "0 or more"),
        "optimizer": (recipe.optimizer, recipe.optimizer in ("sgd", "adam"), "sgd or adam"),
    }
    for name, (value, fits, remedy) in limits.items():
        if not fits:
            raise CurateError(f"{name}={value} is out of range: use {remedy}")
    schedule(recipe.schedule)
    check_augment(recipe.augment, n_channels=1)
