"""forgetting: how often a sample was right at one presentation and wrong at the next. High is hard.

A sample that was never right counts once per presentation, the most there can be, and never as zero.
Over several runs the counts add up. Counts of samples that were presented unequally often, as a policy does
it, are not compared: forgetting_rate compares them. Source: Toneva et al. 2019.
"""

from dataclasses import dataclass

import numpy as np

from curate.errors import CurateError
from curate.scores.scorer import Scores, forgetting_events
from curate.scores.trace import Trace


@dataclass(frozen=True)
class Forgetting:
    """It has no options."""

    hard_is = "high"
    reads = ("trace",)
    over_models = "sum"
    n_models = 1
    schedule_share = 1.0

    def unlearned(self, n_presentations: int) -> float:
        return n_presentations / 2  # more events than a sample can have that was ever right

    def from_trace(self, trace: Trace) -> Scores:
        events, n_seen = forgetting_events(trace)
        for least, most in zip(n_seen.min(axis=1), n_seen.max(axis=1), strict=True):
            if 0 < least < most:
                raise CurateError(
                    f"{trace.path} presents samples {least:.0f} to {most:.0f} times, and forgetting counts "
                    "events: trace a run that trains on all samples, or count per presentation with --method "
                    "forgetting-rate"
                )
        return np.where(n_seen > 0, events, np.nan)
