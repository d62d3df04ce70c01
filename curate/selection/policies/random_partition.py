"""random_partition: k samples drawn without replacement until all are seen, then from all of them again.

Every sample is presented equally often, give or take one. Source: Okanovic et al. 2024, "Repeated Random
Sampling for Minimizing the Time-to-Accuracy of Learning" (RS2 without replacement).
"""

from dataclasses import dataclass

import numpy as np

from curate.manifests.manifest import Selected
from curate.selection.policy import Plan, View, draw


@dataclass(frozen=True)
class RandomPartition:
    """A new part of the dataset every epoch, unless --period says otherwise."""

    observes = "nothing"
    sizing = "keep"
    period = 1

    def plan(self, view: View) -> Plan:
        waits = np.array(view.memory.get("waits", np.ones(len(view.uids), np.bool_)))
        waiting = view.available[waits[view.available]]
        if len(waiting) > view.k:
            chosen = draw(waiting, view.k, view.rng)
            waits[chosen] = False
        else:  # the last of this round, and the first of the next
            rest = np.setdiff1d(view.available, waiting, assume_unique=True)
            first = draw(rest, view.k - len(waiting), view.rng)
            waits[:] = True
            waits[first] = False
            chosen = np.sort(np.concatenate([waiting, first]))
        return Plan(Selected(chosen), {"waits": waits})
