"""Several models of different seeds, trained on all samples in step, an epoch at a time.

One by one, each is a run of `fit`; on a CPU, several of these go at once, on a share of the threads each.
Side by side, they are one batched computation: parameters are stacked and every operation is done for all
models together (`torch.func`), each with the order and augmentation of its own seed. All give the same models
up to rounding. Side by side is for a GPU, where small operations cost more to start than to do; on a CPU it
gained nothing with the smallest models, and lost with others (benchmarks/results/scoring_speed.md).
"""

import copy
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.func import functional_call, stack_module_state, vmap
from torch.nn import functional

from curate.errors import CurateError
from curate.finder import make
from curate.manifests.order import order_of
from curate.networks.learner import Learner, autocast
from curate.networks.model import Recipe
from curate.progress import SILENT, Progress
from curate.rng import stream_seed
from curate.scores.trace import Seen
from curate.selection.session import Session
from curate.training.at_once import Map, at_once, draws, is_small
from curate.training.batches import Batches, check_augment
from curate.training.loop import Epoch, check_recipe, fit, optimizer_of, repeatable
from curate.training.recorder import Recorder
from curate.training.schedules import schedule


@dataclass(frozen=True)
class Round:
    """One epoch of all models; `seen` has a part per model, None where no trace is asked for.

    `loss` is the mean over models, `samples_seen` the presentations to all of them so far.
    """

    epoch: int
    loss: float
    samples_seen: int
    seconds: float
    seen: list[Seen] | None
    state: Callable[[], dict[str, Any]]


def fit_all(
    learners: Sequence[Learner],
    data: Batches,
    recipe: Recipe,
    seeds: Sequence[int],
    n_epochs: int,
    *,
    side_by_side: bool,
    trace: bool,
    jobs: int = 1,
    progress: Progress = SILENT,
    resume: Mapping[str, Any] | None = None,
) -> Iterator[Round]:
    """Train each learner with its seed for the first `n_epochs` of the recipe, all epochs in step.

    One by one, `jobs` of them go at once. When the last epoch is done, or `resume` is the state after it, the
    learners hold their weights.
    """
    check_recipe(recipe)
    if side_by_side:
        yield from _side_by_side(learners, data, recipe, seeds, n_epochs, trace, progress, resume)
    else:
        with at_once(jobs, progress) as (each, shared):
            yield from _one_by_one(learners, data, recipe, seeds, n_epochs, trace, each, shared, resume)


def pays_side_by_side(learner: Learner) -> bool:
    """Whether models such as this one are trained side by side unless the user says otherwise."""
    return learner.device.type == "cuda" and is_small(learner) and fits_side_by_side(learner)


def fits_side_by_side(learner: Learner) -> bool:
    """Whether such models can be: dropout would draw from one stream for all, not from each seed's own."""
    return not draws(learner)


def _one_by_one(
    learners: Sequence[Learner],
    data: Batches,
    recipe: Recipe,
    seeds: Sequence[int],
    n_epochs: int,
    trace: bool,
    each: Map,
    progress: Progress,
    resume: Mapping[str, Any] | None,
) -> Iterator[Round]:
    everything, full = np.arange(data.n), make("policies", "full")
    states = resume["models"] if resume else [None] * len(learners)
    runs = [
        fit(learner, full, data, everything, recipe, seed, progress, Session(trace=trace), state, n_epochs)
        for learner, seed, state in zip(learners, seeds, states, strict=True)
    ]
    while True:
        started = time.perf_counter()
        # Every run is asked for its end: one that is resumed there loads its weights by that.
        epochs: list[Epoch] = [epoch for epoch in each(_next, runs) if epoch is not None]
        if not epochs:
            return
        yield Round(
            epoch=epochs[0].epoch,
            loss=sum(epoch.loss for epoch in epochs) / len(epochs),
            samples_seen=sum(epoch.samples_seen for epoch in epochs),
            seconds=time.perf_counter() - started,
            seen=[epoch.seen for epoch in epochs if epoch.seen] if trace else None,
            state=partial(_states, epochs),
        )


def _next(run: Iterator[Epoch]) -> Epoch | None:
    return next(run, None)


def _states(epochs: Sequence[Epoch]) -> dict[str, Any]:
    return {"models": [epoch.state() for epoch in epochs]}


def _side_by_side(
    learners: Sequence[Learner],
    data: Batches,
    recipe: Recipe,
    seeds: Sequence[int],
    n_epochs: int,
    trace: bool,
    progress: Progress,
    resume: Mapping[str, Any] | None,
) -> Iterator[Round]:
    stack = _Stack(learners, recipe)
    n, n_models, device = data.n, len(learners), learners[0].device
    augment = check_augment(recipe.augment, learners[0].n_channels)
    factor = schedule(recipe.schedule)
    recorder = Recorder(n * n_models, data.device, trace)
    first_places = torch.arange(n_models, device=data.device)[:, None] * n
    everything = np.arange(n)
    if resume is not None:
        stack.load(resume)
    n_batches = -(-n // recipe.batch_size)
    for epoch in range(stack.epoch + 1, n_epochs):
        started = time.perf_counter()
        orders = [order_of(everything, n, seed, epoch) for seed in seeds]
        places = torch.from_numpy(np.stack(orders)).to(data.device) + first_places
        loss_sum = torch.zeros((), dtype=torch.float64, device=device)
        pieces = [
            data.augmented(order, recipe.batch_size, augment, seed, epoch)
            for order, seed in zip(orders, seeds, strict=True)
        ]
        with repeatable(device, stream_seed(seeds[0], "noise", epoch)):
            for step, piece in enumerate(zip(*pieces, strict=True)):
                images, labels = (torch.stack(list(parts)) for parts in zip(*piece, strict=True))
                start = step * recipe.batch_size
                here = places[:, start : start + labels.shape[1]].flatten()
                stack.set_lr(recipe.lr * factor((epoch + step / n_batches) / recipe.n_epochs))
                logits = stack.logits(images).flatten(0, 1)
                losses = functional.cross_entropy(logits, labels.flatten(), reduction="none")
                recorder.note(here, logits.detach(), losses.detach(), labels.flatten())
                stack.step(losses.view_as(labels).mean(1).sum())
                loss_sum += losses.detach().sum()
                progress.advance(labels.numel())
        mean_loss = float(loss_sum) / (n * n_models)
        if not np.isfinite(mean_loss):
            flat = np.concatenate([order + model * n for model, order in enumerate(orders)])
            model, sample = divmod(int(flat[recorder.first_not_finite(flat)]), n)
            raise CurateError(
                f"the loss is {mean_loss} in epoch {epoch} of model {model}, first that of sample {sample}: "
                f"use a smaller --lr than {recipe.lr}"
            )
        stack.epoch = epoch
        yield Round(
            epoch=epoch,
            loss=mean_loss,
            samples_seen=(epoch + 1) * n * n_models,
            seconds=time.perf_counter() - started,
            seen=[recorder.seen(everything, model * n) for model in range(n_models)] if trace else None,
            state=stack.state,
        )
    stack.unstack(learners)


class _Stack:
    """Models of one architecture as one: every parameter and buffer has a first dimension of models."""

    def __init__(self, learners: Sequence[Learner], recipe: Recipe) -> None:
        modules = [learner.module for learner in learners]
        self._parameters, self._buffers = stack_module_state(modules)
        self._skeleton = copy.deepcopy(modules[0]).to("meta").train()
        self._optimizer = optimizer_of(self._parameters.values(), recipe)
        self._device = learners[0].device
        self.epoch = -1

    def logits(self, images: Tensor) -> Tensor:
        """Images `[models, batch, c, h, w]` in training to logits float32 `[models, batch, classes]`."""
        with autocast(self._device):
            found: Tensor = vmap(self._one)(self._parameters, self._buffers, images)
        return found.float()

    def step(self, loss: Tensor) -> None:
        """One step of every model down its own part of the loss."""
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self._optimizer.step()

    def set_lr(self, lr: float) -> None:
        """The learning rate of the steps to come."""
        for group in self._optimizer.param_groups:
            group["lr"] = lr

    def state(self) -> dict[str, Any]:
        """As of now; the weights are not copied."""
        return {
            "parameters": {name: value.detach() for name, value in self._parameters.items()},
            "buffers": dict(self._buffers),
            "optimizer": self._optimizer.state_dict(),
            "epoch": self.epoch,
        }

    def load(self, state: Mapping[str, Any]) -> None:
        """Go on from `state()`."""
        with torch.no_grad():
            for own, saved in ((self._parameters, "parameters"), (self._buffers, "buffers")):
                for name, value in own.items():
                    value.copy_(state[saved][name])
        self._optimizer.load_state_dict(state["optimizer"])
        self.epoch = state["epoch"]

    def unstack(self, learners: Sequence[Learner]) -> None:
        """Give every learner its own weights back."""
        for number, learner in enumerate(learners):
            own = {name: value[number] for name, value in {**self._parameters, **self._buffers}.items()}
            learner.module.load_state_dict(own)

    def _one(self, parameters: dict[str, Tensor], buffers: dict[str, Tensor], images: Tensor) -> Tensor:
        found: Tensor = functional_call(self._skeleton, (parameters, buffers), (images,))
        return found
