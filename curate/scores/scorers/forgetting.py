"""forgetting: how often a sample was right at one presentation and wrong at the next. High is hard.

A sample that was never right counts once per presentation, the most there can be, and never as zero.
Over several runs the counts add up. Source: Toneva et al. 2019.
"""

from dataclasses import dataclass

import numpy as np

from curate.scores.scorer import Scores
from curate.scores.trace import Trace


@dataclass(frozen=True)
class Forgetting:
    """It has no options."""

    hard_is = "high"
    reads = ("trace",)
    over_models = "sum"
    n_models = 1
    n_epochs = None

    def unlearned(self, n_presentations: int) -> float:
        return n_presentations / 2  # more events than a sample can have that was ever right

    def from_trace(self, trace: Trace) -> Scores:
        events, n_seen = np.zeros(trace.size), np.zeros(trace.size)
        was_right, ever_right = np.zeros(trace.size, np.bool_), np.zeros(trace.size, np.bool_)
        for seen in trace.epochs():
            at = seen.place
            events[at] += was_right[at] & ~seen.correct
            n_seen[at] += 1
            was_right[at] = seen.correct
            ever_right[at] |= seen.correct
        counts = np.where(ever_right, events, n_seen)
        return np.where(n_seen > 0, counts, np.nan).reshape(trace.n_models, trace.n)
