"""The one training loop. Everything that trains is a policy under it.

A generator: it yields after every epoch, and whoever runs it evaluates, reports or saves in between.
The order of an epoch is a permutation of all samples, of which the selected ones are kept: the order
of a subset is a subsequence of the full order, and replay needs nothing but the seed.
"""

import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

from curate.errors import CurateError
from curate.manifests.manifest import Selected
from curate.manifests.order import order_of
from curate.networks.learner import Learner
from curate.networks.model import Recipe
from curate.progress import SILENT, Progress
from curate.rng import rng, stream_seed
from curate.scores.trace import Seen
from curate.selection.policy import Plan, Policy, View
from curate.selection.session import Session
from curate.training.batches import Batches, check_augment
from curate.training.observer import Observer
from curate.training.recorder import Recorder
from curate.training.schedules import schedule


@dataclass(frozen=True)
class Epoch:
    """One epoch as it happened; loss and accuracy are means over its presentations in training.

    `asked` is whether it began with a decision of the policy. `checkpoint` is the epoch at which `selected`
    was first decided, `changed` the share of it that the selection before the last decision did not have
    (None after the first). `seen` is what a trace keeps, None where none is asked for. `state()` holds all
    that `fit` needs to go on from here: tensors, numbers and text only.
    """

    epoch: int
    asked: bool
    checkpoint: int
    selected: Selected
    changed: float | None
    samples_seen: int
    loss: float
    accuracy: float
    lr: float
    select_seconds: float
    train_seconds: float
    seen: Seen | None
    state: Callable[[], dict[str, Any]]


def fit(
    learner: Learner,
    policy: Policy,
    data: Batches,
    available: npt.NDArray[np.int64],
    recipe: Recipe,
    seed: int,
    progress: Progress = SILENT,
    session: Session = Session(),
    resume: Mapping[str, Any] | None = None,
    stop: int | None = None,
) -> Iterator[Epoch]:
    """Train a network under a policy, epoch by epoch; `available` are the indices that exist.

    `resume` is the state of an epoch of the same run: training goes on after it, to the same bits. `stop`
    ends the run after so many epochs of the recipe, as if it had been interrupted there.
    """
    check_recipe(recipe)
    augment = check_augment(recipe.augment, learner.n_channels)
    optimizer = optimizer_of(learner.module.parameters(), recipe)
    factor = schedule(recipe.schedule)
    observer = Observer(learner, data, available, session, recipe.n_epochs)
    recorder = Recorder(data.n, data.device, session.trace)
    run = _Run(learner, optimizer, observer, Selected(available[:0]))
    if resume is not None:
        run.load(resume)
    for epoch in range(run.epoch + 1, min(stop or recipe.n_epochs, recipe.n_epochs)):
        started = time.perf_counter()
        asked = False
        if session.is_due(epoch):
            observer.arrive(epoch)
            with repeatable(learner.device, stream_seed(seed, "checkpoint", epoch)):
                asked = observer.has_moved()
                if asked:
                    trusted = observer.trusted()
                    view = View(
                        epoch=epoch,
                        n_epochs=recipe.n_epochs,
                        available=trusted,
                        uids=data.uids,
                        k=min(session.k(epoch, recipe.n_epochs), len(trusted)),
                        rng=rng(seed, "policy", epoch),
                        losses=observer.losses,
                        memory=run.memory,
                        samples_seen=run.samples_seen,
                        n_presentations=session.n_presentations,
                    )
                    run.take(policy.plan(view), epoch, data.n)
                    observer.was_used()
        order = order_of(run.selected.indices, data.n, seed, epoch)
        rows = torch.from_numpy(order).to(data.device)
        weights = _weights_by_index(run.selected, data)
        chosen = time.perf_counter()

        n_batches = -(-len(order) // recipe.batch_size)
        loss_sum = torch.zeros((), dtype=torch.float64, device=learner.device)
        n_right = torch.zeros((), dtype=torch.int64, device=learner.device)
        learner.module.train()
        batches = data.augmented(order, recipe.batch_size, augment, seed, epoch)
        with repeatable(learner.device, stream_seed(seed, "noise", epoch)):
            for step, (images, labels) in enumerate(batches):
                here = rows[step * recipe.batch_size :][: len(labels)]
                for group in optimizer.param_groups:
                    group["lr"] = recipe.lr * factor((epoch + step / n_batches) / recipe.n_epochs)
                logits = learner.logits(images)
                losses = functional.cross_entropy(logits, labels, reduction="none")
                observer.seen(here, logits, losses, labels)
                recorder.note(here, logits.detach(), losses.detach(), labels)
                if weights is not None:
                    losses = losses * weights[here]
                optimizer.zero_grad(set_to_none=True)
                losses.mean().backward()
                optimizer.step()
                loss_sum += losses.detach().sum()
                n_right += (logits.detach().argmax(1) == labels).sum()
                progress.advance(len(labels))
        mean_loss = float(loss_sum) / max(1, len(order))
        _check_finite(mean_loss, epoch, order, recorder, recipe)
        run.epoch, run.samples_seen = epoch, run.samples_seen + len(order)
        yield Epoch(
            epoch,
            asked,
            run.checkpoint,
            run.selected,
            run.changed,
            run.samples_seen,
            mean_loss,
            float(n_right) / max(1, len(order)),
            recipe.lr * factor(epoch / recipe.n_epochs),
            chosen - started,
            time.perf_counter() - chosen,
            recorder.seen(run.selected.indices) if session.trace else None,
            run.state,
        )


@dataclass
class _Run:
    """What a run carries from epoch to epoch: all that is not a function of the seed and the epoch."""

    learner: Learner
    optimizer: torch.optim.Optimizer
    observer: Observer
    selected: Selected
    memory: dict[str, Any] = field(default_factory=dict)
    epoch: int = -1
    checkpoint: int = 0
    changed: float | None = None
    samples_seen: int = 0

    def take(self, plan: Plan, epoch: int, n: int) -> None:
        """A policy has decided, at the checkpoint of `epoch`."""
        self.changed = _share_changed(self.selected, plan.selected, n) if epoch else None
        self.memory = dict(plan.memory)
        if not _same(self.selected, plan.selected):
            self.selected, self.checkpoint = plan.selected, epoch

    def state(self) -> dict[str, Any]:
        """As of now; the weights are not copied."""
        parts = (self.selected.indices, self.selected.weights)
        return {
            "module": self.learner.module.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "observer": self.observer.state(),
            "memory": {name: torch.from_numpy(np.array(value)) for name, value in self.memory.items()},
            "selected": [None if part is None else torch.from_numpy(np.array(part)) for part in parts],
            **{name: getattr(self, name) for name in _NUMBERS},
        }

    def load(self, state: Mapping[str, Any]) -> None:
        """Go on from `state()`."""
        self.learner.module.load_state_dict(state["module"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.observer.load(state["observer"])
        self.memory = {name: value.numpy() for name, value in state["memory"].items()}
        indices, weights = state["selected"]
        self.selected = Selected(indices.numpy(), None if weights is None else weights.numpy())
        for name in _NUMBERS:
            setattr(self, name, state[name])


_NUMBERS = ("epoch", "checkpoint", "changed", "samples_seen")


def _same(one: Selected, other: Selected) -> bool:
    if not np.array_equal(one.indices, other.indices):
        return False
    if one.weights is None or other.weights is None:
        return one.weights is other.weights
    return np.array_equal(one.weights, other.weights)


def _share_changed(before: Selected, now: Selected, n: int) -> float:
    """The share of a selection that the one before did not have."""
    had = np.zeros(n, np.bool_)
    had[before.indices] = True
    return 1 - float(had[now.indices].mean()) if len(now.indices) else 0.0


def _weights_by_index(selected: Selected, data: Batches) -> torch.Tensor | None:
    if selected.weights is None:
        return None
    weights = torch.zeros(data.n, device=data.device)
    weights[torch.from_numpy(np.array(selected.indices)).to(data.device)] = torch.from_numpy(
        np.array(selected.weights, np.float32)
    ).to(data.device)
    return weights


def _check_finite(
    mean_loss: float, epoch: int, order: npt.NDArray[np.int64], recorder: Recorder, recipe: Recipe
) -> None:
    if np.isfinite(mean_loss):
        return
    first = order[recorder.first_not_finite(order)]
    raise CurateError(
        f"the loss is {mean_loss} in epoch {epoch}, first that of sample {first}: use a smaller --lr than "
        f"{recipe.lr}"
    )


def optimizer_of(parameters: Iterable[torch.Tensor], recipe: Recipe) -> torch.optim.Optimizer:
    """The optimizer of a recipe, for these parameters."""
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
def repeatable(device: torch.device, seed: int) -> Iterator[None]:
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
