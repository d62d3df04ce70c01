"""recorded: what a manifest says, epoch by epoch. Replay is training under this policy."""

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from curate.data.identity import Uids
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
        if opened.is_static or self.freeze:
            return self._checked(self._constant, view)
        if view.epoch >= opened.n_epochs:
            raise CurateError(
                f"{self.manifest} records {opened.n_epochs} epochs, this run has {view.n_epochs}: "
                f"use --epochs {opened.n_epochs} or fewer"
            )
        return self._checked(opened.selected(view.epoch), view)

    def _checked(self, selected: Selected, view: View) -> Plan:
        """Indices mean nothing in another dataset: the samples must be those that were recorded."""
        wanted = self._uids[selected.indices]
        inside = len(view.uids) > int(selected.indices.max(initial=0))
        if not (inside and np.array_equal(view.uids[selected.indices], wanted)):
            raise MismatchError(
                f"{self.manifest} is of another dataset ({self._opened.header.dataset.reference}): its "
                "samples are not those to train on; `curate replay` finds them in a re-ordered copy"
            )
        return Plan(selected)

    @cached_property
    def _opened(self) -> Manifest:
        if not self.manifest:
            raise CurateError("policy recorded needs a manifest: use --from FOLDER")
        return open_manifest(self.manifest)

    @cached_property
    def _uids(self) -> Uids:
        uids: Uids = self._opened.samples["uid"]
        return uids

    @cached_property
    def _constant(self) -> Selected:
        return self._opened.selected(self._opened.n_epochs - 1)
