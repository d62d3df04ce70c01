"""The Pruner: any policy, in anybody's training loop.

    pruner = curate.Pruner(len(dataset), policy="ucb", keep=0.3, epochs=200, seed=0)
    loader = DataLoader(pruner.wrap(dataset), batch_size=128, sampler=pruner.sampler)
    for epoch in range(pruner.n_epochs):
        pruner.set_epoch(epoch)
        for index, x, y in loader:
            loss = pruner.observe(index, cross_entropy(model(x), y, reduction="none")).mean()
    pruner.save("my-run")

It selects what `curate train` selects with the same seed and the same losses, in the same order. It needs
nothing of curate's loop, and no torch. What is observed is known by its index, which travels with the batch:
workers, prefetching and other orders of delivery change nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from curate import finder, outside
from curate.artifacts.files import check_output_folder
from curate.data.dataset import Dataset
from curate.data.identity import Indices
from curate.errors import CurateError
from curate.manifests.manifest import Manifest
from curate.manifests.order import order_of
from curate.selection.attendance import Attendance
from curate.selection.budget import in_shares
from curate.selection.decisions import Decisions
from curate.selection.history import Done, History
from curate.selection.ledger import Ledger, Notes, plain, put_together
from curate.selection.observer import Observer
from curate.selection.own_samples import own_samples
from curate.selection.own_sight import Evaluation, OwnSight, check_losses
from curate.selection.packing import pack, unpack
from curate.selection.policy import Policy
from curate.selection.pruner_header import header_of, identity_of
from curate.selection.ranks import Ranks, alone
from curate.selection.sampling import Indexed, PrunedSampler
from curate.selection.session import Asked, plan_session


class Pruner:
    """A policy that selects for a training loop of your own.

    `samples` is how many there are, or a `Dataset` that curate opened. `epochs` is the length of the run;
    `n_epochs` differs from it with a budget of `samples`, and for early-stop. `policy` to `class_floor`, and
    `options`, are those of `curate.train`. `observe` says whose losses a policy goes by: `training`, those
    that are observed anyway, or `evaluation`, for which `losses` is called at checkpoints. It takes indices
    int64 `[m]` and returns the loss of each in evaluation mode, `[m]`, and with `trust` their margins too.

    `keys`, a text for each sample, or `uids` say which samples these are, wherever they stand; else they are
    known by their place. `labels`, class numbers `[n]`, are wanted by a class floor. With `trace`, what is
    observed is kept for `curate score`. Where several processes train together, `ranks` is `curate.ranks()`,
    and each has a Pruner of the same arguments.
    """

    def __init__(
        self,
        samples: int | Dataset,
        policy: Any = "random",
        *,
        epochs: int,
        keep: str | float | int | None = None,
        period: int | None = None,
        budget: str = "epochs",
        observe: str | None = None,
        adapt: float | None = None,
        trust: float | None = None,
        warm_up: str | float | int | None = None,
        class_floor: float | None = None,
        trace: bool = False,
        options: Mapping[str, Any] | None = None,
        losses: Evaluation | None = None,
        labels: Any = None,
        keys: Sequence[str] | None = None,
        uids: Any = None,
        name: str = "your data",
        seed: int = 0,
        ranks: Ranks | None = None,
    ) -> None:
        if epochs < 1:
            raise CurateError(f"epochs={epochs} is too small: use 1 or more")
        self._ranks = ranks or alone()
        self._samples = own_samples(samples, labels=labels, keys=keys, uids=uids, name=name)
        policy = outside.hand_in("policies", policy)
        plan: Policy = finder.make("policies", policy, options or {})
        asked = Asked(
            keep=None if keep is None else in_shares(keep),
            period=period,
            budget=budget,
            observe=observe,
            adapt=adapt,
            trust=trust,
            warm_up=None if warm_up is None else str(warm_up),
            class_floor=class_floor,
        )
        self._plans_k = plan.sizing == "keep"
        session, self.n_epochs = plan_session(plan, policy, self._samples.n, epochs, asked)
        check_losses(session, policy, losses)
        if class_floor and self._samples.labels is None:
            raise CurateError("class_floor needs to know the classes: give labels=")
        self.seed, self._session = seed, replace(session, trace=trace)
        self._guards = trust is not None and session.observes == "training"
        self._ledger = Ledger(self._samples.n, in_full=trace or self._guards)
        self._decisions = self._deciding(plan, losses)
        self._header = header_of(self._samples, policy, plan, asked, self._session, self.n_epochs, seed)
        self._identity = identity_of(self._header)
        self._refuse_others()
        self._history = History()
        self._own: list[Notes] = []  # of this rank, since the last checkpoint
        self._attendance = Attendance(self._samples.n, 1 if self._ranks.size == 1 else 2)
        self._weights: Any = None
        self._asked = self._was_loaded = False
        self.epoch = -1
        self.sampler = PrunedSampler(self, whole=False)
        self.whole_sampler = PrunedSampler(self, whole=True)

    @property
    def selected(self) -> Indices:
        """The indices that this epoch trains on, int64, sorted."""
        return self._decisions.selected.indices

    @property
    def next_epoch(self) -> int:
        """The epoch to go on with: this one, as long as something of it was not observed."""
        return 0 if self.epoch < 0 else self.epoch + int(len(self.order()) == 0)

    def wrap(self, dataset: Any) -> Indexed:
        """A map-style dataset whose samples begin with their index, `(index, *sample)`.

        A sample that is a dictionary has it under `index`.
        """
        if not hasattr(dataset, "__getitem__") or not hasattr(dataset, "__len__"):
            raise CurateError("wrap needs a map-style dataset: one with a length, and samples by index")
        if len(dataset) != self._samples.n:
            raise CurateError(
                f"the dataset has {len(dataset):,} samples, and this Pruner was made for {self._samples.n:,}"
            )
        return Indexed(dataset)

    def set_epoch(self, epoch: int) -> None:
        """Begin an epoch: a checkpoint, where one is due. To say it twice changes nothing."""
        if epoch == self.epoch:
            return
        if epoch != self.epoch + 1:
            before = f"this one is in epoch {self.epoch}" if self.epoch >= 0 else "0 is the first"
            raise CurateError(f"epoch {epoch} is out of turn: a policy sees one after another, and {before}")
        if epoch >= self.n_epochs:
            raise CurateError(
                f"epoch {epoch} is beyond the run of {self.n_epochs}: make it longer with epochs="
            )
        self._finish_epoch()
        self.epoch, self._asked, self._was_loaded = epoch, False, False
        if self._session.is_due(epoch):
            self._tell_each_other()
            self._asked = self._decisions.arrive(epoch, self._history.samples_seen)
            self._history.selections.setdefault(self._decisions.checkpoint, self._decisions.selected)
        self._weights = None
        self._attendance.expect(self.selected, epoch)

    def observe(self, index: Any, losses: Any, logits: Any = None, labels: Any = None) -> Any:
        """Note the losses `[batch]` of the samples at `index` as training saw them; returns what to train on.

        That is the losses, weighted where the policy weights. Arrays, or tensors of any device, and nothing
        waits for one. With `trace`, and with `trust` by the losses of training, `logits` `[batch, classes]`
        are wanted, and `labels` `[batch]` where the Pruner was given none.
        """
        if self.epoch < 0:
            raise CurateError("observe came before the first epoch: call set_epoch(0)")
        shape, of_losses = _shape(index), _shape(losses)
        if len(shape) != 1 or of_losses != shape:
            raise CurateError(
                f"observe wants one loss for each sample, and was given {list(of_losses)} for indices "
                f'{list(shape)}: compute the loss with reduction="none"'
            )
        in_full = self._trace or self._guards
        if in_full:
            self._check_in_full(shape[0], logits, labels)
        rows = self._attendance.seen(index)
        if in_full and labels is None and self._samples.labels is not None:
            labels = self._samples.labels[plain(rows)]
        seen = (_detached(logits), labels) if in_full else (None, None)
        self._ledger.put_aside(self.epoch, rows, _detached(losses), *seen)
        weights = self._decisions.selected.weights
        return losses if weights is None else losses * self._weights_at(index, losses, weights)

    def save(self, folder: str | Path, *, force: bool = False) -> Manifest | None:
        """Write the manifest of the epochs so far, as `curate train` leaves one; with `trace`, the trace too.

        Where several ranks train together all call it: the first one writes, and the others return None.
        """
        path = Path(folder)
        check_output_folder(path, force)
        if self.epoch < 0:
            raise CurateError("there is nothing to save: no epoch was begun")
        self._finish_epoch()
        self._tell_each_other()
        if self._ranks.rank:
            return None
        header = replace(self._header, world_size=self._ranks.size)
        return self._history.write(path, header, self._samples, self._decisions.state(), self._ledger, force)

    def state_dict(self) -> dict[str, Any]:
        """All that a run needs to go on from here, in plain JSON values; each rank has its own.

        What was observed counts, not what loaders have fetched.
        """
        self._take_down()
        decided = self._decisions.state()
        return {
            "identity": self._identity,
            "rank": [self._ranks.rank, self._ranks.size],
            "epoch": self.epoch,
            "asked": self._asked,
            "times_left": self._attendance.state(),
            "checkpoint": decided["checkpoint"],
            "changed": decided["changed"],
            "observer": {name: pack(value) for name, value in decided["observer"].items()},
            "memory": {name: pack(value) for name, value in decided["memory"].items()},
            "ledger": {name: pack(value) for name, value in self._ledger.state().items()},
            "own": [pack(column) for column in put_together(self._own).arrays()],
            "history": self._history.state(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from `state_dict()` of a Pruner of the same arguments; its epoch goes on where it was."""
        if state.get("identity") != self._identity:
            raise CurateError("the state is of a Pruner of other arguments or other data: make it as it was")
        rank, size = state["rank"]
        if (rank, size) != (self._ranks.rank, self._ranks.size):
            raise CurateError(
                f"the state is of rank {rank} of {size}, and this is rank {self._ranks.rank} of "
                f"{self._ranks.size}: each rank loads its own, and there are as many as before"
            )
        self._history = History.from_state(state["history"])
        selected = self._history.selections.get(state["checkpoint"], self._decisions.selected)
        self._decisions.load(
            {
                "checkpoint": state["checkpoint"],
                "changed": state["changed"],
                "observer": {name: unpack(value) for name, value in state["observer"].items()},
                "memory": {name: unpack(value) for name, value in state["memory"].items()},
                "selected": (selected.indices, selected.weights),
            }
        )
        self._ledger.load({name: unpack(value) for name, value in state["ledger"].items()})
        self._own = [Notes(*map(unpack, state["own"]))]
        self._attendance.load(state["times_left"], self.selected, state["epoch"])
        self.epoch, self._asked = state["epoch"], state["asked"]
        self._was_loaded, self._weights = True, None

    def order(self, *, whole: bool = False) -> Indices:
        """The indices of this epoch in the order of presentation: what is left to this rank, as many to each.

        With `whole`, those of all ranks, whether they were observed or not.
        """
        if self.epoch < 0:
            raise CurateError("there is no epoch to present: call set_epoch(0)")
        order = order_of(self.selected, self._samples.n, self.seed, self.epoch)
        if whole:
            return order
        if self._ranks.size > 1:
            order = np.resize(order, -(-len(order) // self._ranks.size) * self._ranks.size)
            order = order[self._ranks.rank :: self._ranks.size]
        return self._attendance.missing(order)

    def n_presented(self, *, whole: bool = False) -> int:
        """How many indices `order` gives; between two epochs, how many are planned for the next.

        Trainers ask before they begin an epoch. A policy that decides itself how many is taken to select as
        many as it did last.
        """
        if self.epoch >= 0 and (left := len(self.order())):
            return len(self.selected) if whole else left
        planned, every = len(self._samples.available), self._session.period_epochs
        if self._plans_k:
            checkpoint = min(self.epoch + 1, self.n_epochs - 1) // every * every
            planned = min(self._session.k(checkpoint, self.n_epochs), planned)
        elif self.epoch >= 0:
            planned = len(self.selected)
        return planned if whole else -(-planned // self._ranks.size)

    def begin_pass(self) -> None:
        """A loader starts: refuse an epoch that was observed to its end, unless it was loaded so."""
        if self.epoch >= 0 and not self._was_loaded and len(self.order()) == 0:
            raise CurateError(
                f"all of epoch {self.epoch} was observed: call set_epoch({self.epoch + 1}) before the next"
            )

    @property
    def _trace(self) -> bool:
        return self._session.trace

    def _deciding(self, plan: Policy, losses: Evaluation | None) -> Decisions:
        about = self._samples
        sight = OwnSight(
            self._ledger, losses, about.available, about.n, self._ranks, self._session.trust is not None
        )
        observer = Observer(sight, about.available, about.uids, self._session, self.n_epochs)
        return Decisions(
            plan,
            self._session,
            observer,
            about.available,
            about.uids,
            about.labels,
            self.seed,
            self.n_epochs,
        )

    def _refuse_others(self) -> None:
        """Refuse ranks whose Pruner was made otherwise: they would select otherwise."""
        told = self._ranks.gather([np.frombuffer(self._identity.encode(), np.uint8)])
        for rank, (other,) in enumerate(told):
            if bytes(other) != bytes(told[0][0]):
                raise CurateError(
                    f"rank {rank} has a Pruner of other arguments, seed or data than rank 0: make them alike"
                )

    def _check_in_full(self, size: int, logits: Any, labels: Any) -> None:
        """Refuse a batch without the logits and labels that a trace or the guard wants."""
        what = "a trace" if self._trace else "trust"
        if logits is None:
            raise CurateError(f"{what} looks at logits: use observe(index, losses, logits)")
        if len(_shape(logits)) != 2 or _shape(logits)[0] != size:
            raise CurateError(f"logits are {list(_shape(logits))} for {size} samples: use [batch, classes]")
        if labels is None and self._samples.labels is None:
            raise CurateError(f"{what} looks at labels: give labels= to the Pruner, or to observe")

    def _weights_at(self, index: Any, losses: Any, weights: npt.NDArray[np.float32]) -> Any:
        """The weights of a batch, where its losses are."""
        if self._weights is None:
            by_index = np.zeros(self._samples.n, np.float32)
            by_index[self.selected] = weights
            self._weights = losses.new_tensor(by_index) if hasattr(losses, "new_tensor") else by_index
        if hasattr(index, "new_tensor") and index.device == getattr(self._weights, "device", None):
            return self._weights.take(index)  # on one device that is faster than by brackets
        return self._weights[index]

    def _take_down(self) -> None:
        """What was put aside becomes notes of this rank; a loss that is no number stops the run."""
        self._attendance.settle()
        notes = self._ledger.taken_down()
        self._attendance.check_range(notes.index)
        counts = np.bincount(notes.index, minlength=1)
        if (
            counts.max() > self._attendance.most_times
        ):  # within a batch: between two, each is looked at as it comes
            raise CurateError(
                f"sample {counts.argmax()} was observed {counts.max()} times in epoch {self.epoch}: use "
                "pruner.sampler, which presents each once"
            )
        wrong = np.flatnonzero(~np.isfinite(notes.loss))
        if len(wrong):
            raise CurateError(
                f"the loss of sample {notes.index[wrong[0]]} is {notes.loss[wrong[0]]} in epoch "
                f"{notes.epoch[wrong[0]]} ({len(wrong):,} such presentations): use a smaller learning rate"
            )
        self._own.append(notes)

    def _finish_epoch(self) -> None:
        """Note, once, that an epoch is over."""
        self._take_down()
        done = self._history.done
        if self.epoch >= 0 and not (done and done[-1].epoch == self.epoch):
            done.append(Done(self.epoch, self._asked, self._decisions.checkpoint))

    def _tell_each_other(self) -> None:
        """Every rank gets to know what all have observed since the last checkpoint."""
        own, self._own = put_together(self._own), []
        told = put_together([Notes(*arrays) for arrays in self._ranks.gather(own.arrays())])
        self._ledger.add(told, margins=self._guards)
        self._history.samples_seen += len(told.index)
        if len(told.index):
            self._history.last_loss = float(told.loss.mean(dtype=np.float64))
        if self._trace:
            self._history.traced.append(told)


def _shape(values: Any) -> tuple[int, ...]:
    return values.shape if hasattr(values, "shape") else np.shape(values)


def _detached(values: Any) -> Any:
    return values.detach() if hasattr(values, "detach") else values
