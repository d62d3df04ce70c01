"""forgetting_rate: forgetting events per presentation, also where those are unequal. High is hard.

A sample that was never right has the rate 1. Rates of few presentations are coarse: one of two is a half.
Source: the events are those of Toneva et al. 2019; the rate is not theirs.
"""

from dataclasses import dataclass

import numpy as np

from curate.scores.scorer import Scores, forgetting_events
from curate.scores.trace import Trace


@dataclass(frozen=True)
class ForgettingRate:
    """It has no options."""

    hard_is = "high"
    reads = ("trace",)
    over_models = "mean"
    n_models = 1
    schedule_share = 1.0

    def unlearned(self, n_presentations: int) -> float:
        return 0.5  # more than a sample can have that was ever right

    def from_trace(self, trace: Trace) -> Scores:
        events, n_seen = forgetting_events(trace)
        return np.where(n_seen > 0, events / np.maximum(n_seen, 1), np.nan)
