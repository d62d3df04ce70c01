"""always_random: the always group of an earlier session, and a random rest drawn at every checkpoint.

Tells how much of a policy's gain is in its always group. With `rest=static`, the rest are those that the
session selected most often after them, once and for all. Source: Raju et al. 2021, "Accelerating Deep
Learning with Dynamic Data Pruning", Table 1: always + random, and always + static sometimes.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from curate.errors import CurateError
from curate.manifests.manifest import Selected
from curate.selection.policy import Plan, View, draw, top
from curate.selection.precomputed import always_group, times_selected


@dataclass(frozen=True)
class AlwaysRandom:
    """`manifest` is the folder of the earlier, dynamic session; `rest` is `random` or `static`."""

    manifest: str = ""
    rest: Literal["random", "static"] = "random"

    observes = "nothing"
    sizing = "keep"
    period = None

    def plan(self, view: View) -> Plan:
        group = view.memory.get("always")
        group = always_group(self.manifest, view.uids) if group is None else group
        always = view.available[group[view.available]]
        if len(always) > view.k:
            raise CurateError(
                f"the always group of {self.manifest} has {len(always):,} samples, more than the {view.k:,} "
                "to keep: use a larger --keep"
            )
        rest = np.setdiff1d(view.available, always, assume_unique=True)
        if self.rest == "random":
            filled = draw(rest, view.k - len(always), view.rng)
        else:
            filled = top(times_selected(self.manifest, view.uids), rest, view.k - len(always), view.uids)
        return Plan(Selected(np.sort(np.concatenate([always, filled]))), {"always": group})
