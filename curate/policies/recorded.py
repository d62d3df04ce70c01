"""recorded: what a manifest says, epoch by epoch. Replay is training under this policy."""

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from curate.errors import CurateError
from curate.manifest import Manifest, Selected, open_manifest
from curate.policy import Plan, View


@dataclass(frozen=True)
class Recorded:
    """`manifest` is its folder; `freeze=last` trains on the selection of its last epoch throughout."""

    manifest: str = ""
    freeze: Literal["", "last"] = ""

    observes = "nothing"
    budget = "own"
    period = 1

    def plan(self, view: View) -> Plan:
        opened = self._opened
        if opened.is_static or self.freeze:
            return Plan(self._constant)
        if view.epoch >= opened.n_epochs:
            raise CurateError(
                f"{self.manifest} records {opened.n_epochs} epochs, this run has {view.n_epochs}: "
                f"use --epochs {opened.n_epochs} or fewer"
            )
        return Plan(opened.selected(view.epoch))

    @cached_property
    def _opened(self) -> Manifest:
        if not self.manifest:
            raise CurateError("policy recorded needs a manifest: use --from FOLDER")
        return open_manifest(self.manifest)

    @cached_property
    def _constant(self) -> Selected:
        return self._opened.selected(self._opened.n_epochs - 1)
