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

from curate.errors import CurateError
from curate.finder import make
from curate.manifests.order import order_of
from curate.networks.learner import Learner
from curate.networks.model import Hyperparameters
from curate.networks.precision import autocast
from curate.progress import LOGGED, Progress
from curate.scores.trace import Seen
from curate.selection.session import Session
from curate.training.at_once import Map, at_once, draws, is_small
from curate.training.augmentation import augmentation_for
from curate.training.batches import Batch, Batches
from curate.training.book import Book
from curate.training.epoch import train_epoch
from curate.training.hyperparameters import check_hyperparameters
from curate.training.loop import Epoch, fit
from curate.training.optimizer import optimizer_of
from curate.training.schedule import schedule
from curate.world import ALONE, World


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
    *,
    hyperparameters: Hyperparameters,
    seeds: Sequence[int],
    n_epochs: int,
    side_by_side: bool,
    trace: bool,
    n_at_once: int = 1,
    progress: Progress = LOGGED,
    resume: Mapping[str, Any] | None = None,
    ranks: World = ALONE,
) -> Iterator[Round]:
    """Train each learner with its seed for the first `n_epochs` epochs of the schedule, in step.

    One by one, `n_at_once` of them go at once, or each is trained by several `ranks` together. When the last
    epoch is done, or `resume` is the state after it, the learners hold their weights.
    """
    check_hyperparameters(hyperparameters)
    how: dict[str, Any] = {
        "hyperparameters": hyperparameters,
        "seeds": seeds,
        "n_epochs": n_epochs,
        "trace": trace,
        "resume": resume,
    }
    if side_by_side:
        yield from _stacked(learners, data, progress=progress, **how)
    else:
        with at_once(n_at_once, progress) as (each, shared):
            yield from _one_by_one(learners, data, each=each, progress=shared, ranks=ranks, **how)


def pays_side_by_side(learner: Learner) -> bool:
    """Whether models such as this one are trained side by side unless the user says otherwise."""
    return learner.device.type == "cuda" and is_small(learner) and fits_side_by_side(learner)


def fits_side_by_side(learner: Learner) -> bool:
    """Whether such models can be: dropout would draw from one stream for all, not from each seed's own."""
    return not draws(learner)


def _one_by_one(
    learners: Sequence[Learner],
    data: Batches,
    *,
    hyperparameters: Hyperparameters,
    seeds: Sequence[int],
    n_epochs: int,
    trace: bool,
    each: Map,
    progress: Progress,
    resume: Mapping[str, Any] | None,
    ranks: World,
) -> Iterator[Round]:
    everything, full = np.arange(data.n), make("policies", "full")
    states = resume["models"] if resume else [None] * len(learners)
    runs = [
        fit(
            learner,
            full,
            data,
            available=everything,
            hyperparameters=hyperparameters,
            seed=seed,
            session=Session(trace=trace),
            resume=state,
            stop=n_epochs,
            ranks=ranks,
            progress=progress,
        )
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


def _stacked(
    learners: Sequence[Learner],
    data: Batches,
    *,
    hyperparameters: Hyperparameters,
    seeds: Sequence[int],
    n_epochs: int,
    trace: bool,
    progress: Progress,
    resume: Mapping[str, Any] | None,
) -> Iterator[Round]:
    stack = _Stack(learners, hyperparameters)
    n, n_models, batch_size = data.n, len(learners), hyperparameters.batch_size
    augmentation = augmentation_for(hyperparameters.augment, learners[0].n_channels)
    rates = schedule(hyperparameters.schedule)
    book = Book(n * n_models, data.device, trace=trace)
    everything = np.arange(n)
    if resume is not None:
        stack.load(resume)
    for epoch in range(stack.epoch + 1, n_epochs):
        started = time.perf_counter()
        orders = [order_of(everything, n, seed, epoch) for seed in seeds]
        pieces = [
            data.augmented(order, batch_size, augmentation, seed, epoch)
            for order, seed in zip(orders, seeds, strict=True)
        ]
        totals = train_epoch(
            stack,
            _side_by_side(pieces, n),
            n_batches=-(-n // batch_size),
            epoch=epoch,
            hyperparameters=hyperparameters,
            schedule=rates,
            book=book,
            seed=seeds[0],
            progress=progress,
        )
        if not np.isfinite(totals.loss):
            flat = np.concatenate([order + model * n for model, order in enumerate(orders)])
            model, sample = divmod(int(flat[book.first_not_finite(flat)]), n)
            raise CurateError(
                f"the loss is {totals.loss} in epoch {epoch} of model {model}, first that of sample "
                f"{sample}: use a smaller --lr than {hyperparameters.lr}"
            )
        stack.epoch = epoch
        yield Round(
            epoch=epoch,
            loss=totals.loss,
            samples_seen=(epoch + 1) * n * n_models,
            seconds=time.perf_counter() - started,
            seen=[book.seen(everything, model * n) for model in range(n_models)] if trace else None,
            state=stack.state,
        )
    stack.unstack(learners)


def _side_by_side(pieces: Sequence[Iterator[Batch]], n: int) -> Iterator[Batch]:
    """One batch of all models from a batch of each: images `[models, batch, c, h, w]`, the rest flat.

    Row i of model m is place m · n + i.
    """
    for parts in zip(*pieces, strict=True):
        places = torch.cat([batch.rows + model * n for model, batch in enumerate(parts)])
        images = torch.stack([batch.images for batch in parts])
        yield Batch(places, images, torch.cat([batch.labels for batch in parts]))


class _Stack:
    """Models of one architecture as one: every parameter and buffer has a first dimension of models."""

    def __init__(self, learners: Sequence[Learner], hyperparameters: Hyperparameters) -> None:
        modules = [learner.module for learner in learners]
        self._parameters, self._buffers = stack_module_state(modules)
        self._skeleton = copy.deepcopy(modules[0]).to("meta").train()
        self._optimizer = optimizer_of(self._parameters.values(), hyperparameters)
        self._n_models, self.device = len(learners), learners[0].device
        self._precision = learners[0].precision
        self.epoch = -1

    def logits(self, images: Tensor) -> Tensor:
        """Images `[models, batch, c, h, w]` in training to logits float32 `[models · batch, classes]`."""
        with autocast(self.device, self._precision):
            stacked: Tensor = vmap(self._one)(self._parameters, self._buffers, images)
        return stacked.float().flatten(0, 1)

    def step(self, losses: Tensor) -> None:
        """One step of every model down the mean of its own losses, of `[models · batch]`."""
        self._optimizer.zero_grad(set_to_none=True)
        losses.view(self._n_models, -1).mean(1).sum().backward()
        self._optimizer.step()

    def set_rate(self, rate: float) -> None:
        """The learning rate of the steps to come."""
        for group in self._optimizer.param_groups:
            group["lr"] = rate

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
        logits: Tensor = functional_call(self._skeleton, (parameters, buffers), (images,))
        return logits
