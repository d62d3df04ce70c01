"""The decisions of a run: what is trained on from checkpoint to checkpoint, in whatever loop that is."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from curate.data.identity import Indices, Labels, Uids
from curate.errors import CurateError
from curate.manifests.manifest import Selected
from curate.rng import rng
from curate.selection.class_floor import fill_classes
from curate.selection.observer import Observer
from curate.selection.policy import Memory, Plan, Policy, View, draw
from curate.selection.session import Session

_NUMBERS = ("checkpoint", "changed")


@dataclass
class Decisions:
    """One run under a policy. `selected` is what is trained on now, first decided at the epoch `checkpoint`.

    `available` are the samples that exist, `labels` those by which a class floor goes. `changed` is the share
    of the selection that the one before the last decision did not have; None after the first.
    """

    policy: Policy
    session: Session
    observer: Observer
    available: Indices
    uids: Uids
    labels: Labels | None
    seed: int
    n_epochs: int
    selected: Selected = Selected(np.empty(0, np.int64))
    memory: Memory = field(default_factory=dict)
    checkpoint: int = 0
    changed: float | None = None

    def arrive(self, epoch: int, samples_seen: int) -> bool:
        """The checkpoint of an epoch that one is due in: select. Returns whether the policy was asked."""
        self.observer.arrive(epoch)
        if self.session.is_warming_up(epoch):
            chance = rng(self.seed, "policy", epoch)
            k = min(self.session.k(epoch, self.n_epochs), len(self.available))
            drawn = Plan(Selected(draw(self.available, k, chance)))
            self._take(self._floored(drawn, self.available, chance), epoch)
            return False
        if not self.observer.has_moved():
            return False
        trusted = self.observer.trusted()
        view = View(
            epoch=epoch,
            n_epochs=self.n_epochs,
            available=trusted,
            uids=self.uids,
            k=min(self.session.k(epoch, self.n_epochs), len(trusted)),
            rng=rng(self.seed, "policy", epoch),
            losses=self.observer.losses,
            memory=self.memory,
            samples_seen=samples_seen,
            n_presentations=self.session.n_presentations,
        )
        self._take(self._floored(self.policy.plan(view), trusted, view.rng), epoch)
        self.observer.was_used()
        return True

    def state(self) -> dict[str, Any]:
        """All that is carried from one checkpoint to the next: arrays, and numbers, by name."""
        return {
            "observer": self.observer.state(),
            "memory": {name: np.array(value) for name, value in self.memory.items()},
            "selected": (self.selected.indices, self.selected.weights),
            **{name: getattr(self, name) for name in _NUMBERS},
        }

    def load(self, state: Mapping[str, Any]) -> None:
        """Go on from `state()`."""
        self.observer.load(state["observer"])
        self.memory = state["memory"]
        self.selected = Selected(*state["selected"])
        for name in _NUMBERS:
            setattr(self, name, state[name])

    def _take(self, plan: Plan, epoch: int) -> None:
        self.changed = _share_changed(self.selected, plan.selected, len(self.uids)) if epoch else None
        self.memory = dict(plan.memory)
        if not _same(self.selected, plan.selected):
            self.selected, self.checkpoint = plan.selected, epoch

    def _floored(self, plan: Plan, among: Indices, chance: np.random.Generator) -> Plan:
        """The plan with the class floor of the session."""
        if not self.session.class_floor:
            return plan
        if plan.selected.weights is not None:
            raise CurateError("a policy that weighs its samples has no class floor: leave out --class-floor")
        assert self.labels is not None, "whoever plans a session with a floor has labels"
        indices = fill_classes(
            plan.selected.indices,
            among,
            self.labels,
            self.session.class_floor,
            ranking=plan.ranking,
            uids=self.uids,
            rng=chance,
        )
        return replace(plan, selected=Selected(indices))


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
