"""The one training loop. Everything that trains is a policy under it.

A generator: it yields after every epoch, and whoever runs it evaluates, reports or saves in between.
The order of an epoch is a permutation of all samples, of which the selected ones are kept: the order
of a subset is a subsequence of the full order, and replay needs nothing but the seed.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from curate.data.identity import Indices
from curate.errors import CurateError
from curate.manifests.manifest import Selected
from curate.manifests.order import order_of
from curate.networks.learner import Learner
from curate.networks.model import Hyperparameters
from curate.networks.optimizers import step_together
from curate.progress import LOGGED, Progress
from curate.rng import stream_seed
from curate.scores.trace import Seen
from curate.selection.decisions import Decisions
from curate.selection.observer import Observer
from curate.selection.policy import Policy
from curate.selection.session import Session
from curate.training.augmentation import augmentation_for
from curate.training.batches import Batches
from curate.training.book import Book
from curate.training.epoch import train_epoch
from curate.training.hyperparameters import check_hyperparameters
from curate.training.optimizer import optimizer_of, repeatable
from curate.training.schedule import schedule
from curate.training.shared import normalize_together, part_of, to_the_last
from curate.training.sight import NetworkSight
from curate.world import ALONE, World


@dataclass(frozen=True)
class Epoch:
    """One epoch as it happened; loss and accuracy are means over its presentations in training.

    `asked` is whether it began with a decision of the policy. `checkpoint` is the epoch at which `selected`
    was first decided, `changed` the share of it that the selection before the last decision did not have
    (None after the first), `n_classes_lacking` how many classes it has no sample of. `seen` is what a trace
    keeps, None where none is asked for. `state()` holds all that `fit` needs to go on from here: tensors,
    numbers and text only.
    """

    epoch: int
    asked: bool
    checkpoint: int
    selected: Selected
    changed: float | None
    n_classes_lacking: int
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
    *,
    available: npt.NDArray[np.int64],
    hyperparameters: Hyperparameters,
    seed: int,
    session: Session = Session(),
    resume: Mapping[str, Any] | None = None,
    stop: int | None = None,
    ranks: World = ALONE,
    progress: Progress = LOGGED,
) -> Iterator[Epoch]:
    """Train a network under a policy, epoch by epoch; `available` are the indices that exist.

    `resume` is the state of an epoch of the same run: training goes on after it, to the same bits. `stop`
    ends the run after so many epochs, as if it had been interrupted there. Where several `ranks` train the
    network together, each calls this, and every epoch is the same on all.
    """
    check_hyperparameters(hyperparameters)
    augmentation = augmentation_for(hyperparameters.augment, learner.n_channels)
    rates = schedule(hyperparameters.schedule)
    n_epochs, batch_size = hyperparameters.n_epochs, hyperparameters.batch_size
    book = Book(data.n, data.device, trace=session.trace, guard=session.observes if session.trust else None)
    sight = NetworkSight(learner, data, available, book, guarded=session.trust is not None, ranks=ranks)
    decisions = Decisions(
        policy,
        session,
        Observer(sight, available, data.uids, session, n_epochs),
        available,
        data.uids,
        data.labels_by_index,
        seed,
        n_epochs,
    )
    model = _Model(learner, hyperparameters, ranks)
    n_classes = _n_classes(data, available)
    run = _Run(model, decisions, book)
    if resume is not None:
        run.load(resume)
    for epoch in range(run.epoch + 1, min(stop or n_epochs, n_epochs)):
        started = time.perf_counter()
        asked = False
        if session.is_due(epoch):
            with repeatable(learner.device, stream_seed(seed, "checkpoint", epoch)):
                asked = decisions.arrive(epoch, run.samples_seen)
        selected = decisions.selected
        order = order_of(selected.indices, data.n, seed, epoch)
        weights = _weights_by_index(selected, data)
        chosen = time.perf_counter()

        learner.module.train()
        n_batches = -(-len(order) // batch_size)
        mine, own_size = part_of(order, batch_size, ranks)
        totals = train_epoch(
            model,
            to_the_last(data.augmented(mine, own_size, augmentation, seed, epoch), n_batches, data.nothing),
            n_batches=n_batches,
            epoch=epoch,
            hyperparameters=hyperparameters,
            schedule=rates,
            book=book,
            seed=seed,
            weights=weights,
            ranks=ranks,
            progress=progress,
        )
        book.share(mine, ranks)
        if not np.isfinite(totals.loss):
            raise CurateError(
                f"the loss is {totals.loss} in epoch {epoch}, first that of sample "
                f"{order[book.first_not_finite(order)]}: use a smaller --lr than {hyperparameters.lr}"
            )
        run.epoch, run.samples_seen = epoch, run.samples_seen + len(order)
        yield Epoch(
            epoch=epoch,
            asked=asked,
            checkpoint=decisions.checkpoint,
            selected=selected,
            changed=decisions.changed,
            n_classes_lacking=n_classes - _n_classes(data, selected.indices),
            samples_seen=run.samples_seen,
            loss=totals.loss,
            accuracy=totals.accuracy,
            lr=hyperparameters.lr * rates(epoch / n_epochs),
            select_seconds=chosen - started,
            train_seconds=time.perf_counter() - chosen,
            seen=book.seen(selected.indices) if session.trace else None,
            state=run.state,
        )


class _Model:
    """One model with its optimizer, as an epoch trains it."""

    def __init__(self, learner: Learner, hyperparameters: Hyperparameters, ranks: World) -> None:
        self.learner, self.device, self._ranks = learner, learner.device, ranks
        normalize_together(learner.module, ranks)
        self._parameters = [of for of in learner.module.parameters() if of.requires_grad]
        self.optimizer = optimizer_of(learner.module.parameters(), hyperparameters)

    def set_rate(self, rate: float) -> None:
        for group in self.optimizer.param_groups:
            group["lr"] = rate

    def logits(self, images: torch.Tensor) -> torch.Tensor:
        return self.learner.logits(images)

    def step(self, losses: torch.Tensor) -> None:
        if self._ranks.size > 1:
            step_together(self._parameters, self.optimizer, losses, self._ranks)
            return
        self.optimizer.zero_grad(set_to_none=True)
        losses.mean().backward()
        self.optimizer.step()


@dataclass
class _Run:
    """What a run carries from epoch to epoch: all that is not a function of the seed and the epoch."""

    model: _Model
    decisions: Decisions
    book: Book
    epoch: int = -1
    samples_seen: int = 0

    def state(self) -> dict[str, Any]:
        """As of now; the weights are not copied."""
        decided = self.decisions.state()
        return {
            **decided,
            "module": self.model.learner.module.state_dict(),
            "optimizer": self.model.optimizer.state_dict(),
            "observer": {**self.book.state(), **_tensors(decided["observer"])},
            "memory": _tensors(decided["memory"]),
            "selected": [None if part is None else _tensor(part) for part in decided["selected"]],
            "epoch": self.epoch,
            "samples_seen": self.samples_seen,
        }

    def load(self, state: Mapping[str, Any]) -> None:
        """Go on from `state()`."""
        self.model.learner.module.load_state_dict(state["module"])
        self.model.optimizer.load_state_dict(state["optimizer"])
        self.book.load(state["observer"])
        indices, weights = state["selected"]
        self.decisions.load(
            {
                **state,
                "observer": {name: value.numpy() for name, value in state["observer"].items()},
                "memory": {name: value.numpy() for name, value in state["memory"].items()},
                "selected": (indices.numpy(), None if weights is None else weights.numpy()),
            }
        )
        self.epoch, self.samples_seen = state["epoch"], state["samples_seen"]


def _tensor(values: npt.NDArray[Any]) -> torch.Tensor:
    return torch.from_numpy(np.array(values))


def _tensors(arrays: Mapping[str, npt.NDArray[Any]]) -> dict[str, torch.Tensor]:
    return {name: _tensor(value) for name, value in arrays.items()}


def _n_classes(data: Batches, indices: Indices) -> int:
    """How many classes the samples at `indices` have; counted, since it is done in every epoch."""
    return int(np.count_nonzero(np.bincount(data.labels_by_index[indices])))


def _weights_by_index(selected: Selected, data: Batches) -> torch.Tensor | None:
    if selected.weights is None:
        return None
    weights = torch.zeros(data.n, device=data.device)
    weights[torch.from_numpy(np.array(selected.indices)).to(data.device)] = torch.from_numpy(
        np.array(selected.weights, np.float32)
    ).to(data.device)
    return weights
