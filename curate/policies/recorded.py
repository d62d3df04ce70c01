"""recorded: what a manifest says, epoch by epoch. Replay is training under this policy."""

from dataclasses import dataclass
from functools import cached_property

from curate.errors import CurateError
from curate.manifest import Manifest, open_manifest
from curate.policy import Plan, View


@dataclass(frozen=True)
class Recorded:
    """`manifest` is the manifest's folder."""

    manifest: str = ""

    def plan(self, view: View) -> Plan:
        opened = self._opened
        if opened.is_static:
            return Plan(opened.selected(0), view.n_epochs)
        if view.epoch >= opened.n_epochs:
            raise CurateError(
                f"{self.manifest} records {opened.n_epochs} epochs, this run has {view.n_epochs}: "
                f"use --epochs {opened.n_epochs} or fewer"
            )
        return Plan(opened.selected(view.epoch), 1)

    @cached_property
    def _opened(self) -> Manifest:
        if not self.manifest:
            raise CurateError("policy recorded needs a manifest: use --set manifest=FOLDER")
        return open_manifest(self.manifest)
