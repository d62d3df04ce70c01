"""recorded: what a manifest says, epoch by epoch. Replay is training under this policy."""

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from curate.errors import CurateError, MismatchError
from curate.manifests.manifest import Manifest, Selected, open_manifest
from curate.selection.policy import Plan, View


@dataclass(frozen=True)
class Recorded:
    """`manifest` is its folder; `freeze=last` trains on the selection of its last epoch throughout."""

    manifest: str = ""
    freeze: Literal["", "last"] = ""

    observes = "nothing"
    sizing = "own"
    period = 1

    def plan(self, view: View) -> Plan:
        opened = self._opened
        if "is_checked" not in view.memory:
            self._check(view)
        memory = {"is_checked": np.array(True)}
        if opened.is_static or self.freeze:
            return Plan(self._constant, memory)
        if view.n_epochs > opened.n_epochs:
            raise CurateError(
                f"{self.manifest} records {opened.n_epochs} epochs, this run has {view.n_epochs}: "
                f"use --epochs {opened.n_epochs} or fewer"
            )
        return Plan(opened.selected(view.epoch), memory)

    def _check(self, view: View) -> None:
        """Indices mean nothing in another dataset: all that is ever selected must be what was recorded."""
        samples = self._opened.samples
        selected = np.flatnonzero(samples["n_selected"] > 0)
        inside = len(view.uids) > int(selected.max(initial=0))
        if not (inside and np.array_equal(view.uids[selected], samples["uid"][selected])):
            raise MismatchError(
                f"{self.manifest} is of another dataset ({self._opened.header.dataset.reference}): its "
                "samples are not those to train on; `curate replay` finds them in a re-ordered copy"
            )

    @cached_property
    def _opened(self) -> Manifest:
        if not self.manifest:
            raise CurateError("policy recorded needs a manifest: use --from FOLDER")
        return open_manifest(self.manifest)

    @cached_property
    def _constant(self) -> Selected:
        return self._opened.selected(self._opened.n_epochs - 1)
