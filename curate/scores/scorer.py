"""What a scorer is: the contract of the folder scorers, by what they read.

A scorer declares `hard_is` (`high` or `low`), and `reads`: what it can be made from, its default
first. For each of these it has one method:

    trace      from_trace(trace)                   float64 [models, n]; NaN for what was never seen
    network    of_batch(learner, images, labels)   a Tensor [batch], for networks after some epochs
    clusters   from_clusters(table, progress)      float64 [n]
    embedding  from_embedding(embedding, progress) columns by name, [n]; the first one is the score

Over several models a score is the `mean`, with its spread, or the `sum`. `n_models` is how many it wants by
default, and `schedule_share` after how much of their schedule it looks: 1 is the end of it, 0.1 is early. The
schedule goes on as if the rest were to come. `unlearned` says beyond which value, on the hard side, a sample
was not learned, where the score can tell. Of an embedding, a column NAME_group numbers groups of which one
sample each is enough. A scorer of embeddings with `by_ranks` is called on every rank that torchrun started,
and what the first gives is taken; others are called on the first alone.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, Literal, Protocol

import numpy as np
import numpy.typing as npt

from curate.artifacts.header import HardIs
from curate.artifacts.tables import Column, Table
from curate.progress import Progress
from curate.scores.trace import Trace
from curate.vectors.embedding import Embedding

if TYPE_CHECKING:
    from torch import Tensor

    from curate.networks.learner import Learner

Material = Literal["trace", "network", "clusters", "embedding"]
Scores = npt.NDArray[np.float64]


class Scorer(Protocol):
    """A scorer plug-in: a frozen dataclass whose fields are its options."""

    hard_is: ClassVar[HardIs]
    reads: ClassVar[tuple[Material, ...]]


class TrainedScorer(Scorer, Protocol):
    """A scorer that needs a model to be trained."""

    over_models: ClassVar[Literal["mean", "sum"]]
    n_models: ClassVar[int]
    schedule_share: ClassVar[float]

    def unlearned(self, n_presentations: int) -> float | None:
        """The value beyond which a sample was not learned; runs that are summed are one long one."""


class TraceScorer(TrainedScorer, Protocol):
    """A scorer that reads what training saw."""

    def from_trace(self, trace: Trace) -> Scores:
        """The scores by every model, `[models, n]`; NaN for a sample that was never seen."""


class NetworkScorer(TrainedScorer, Protocol):
    """A scorer that looks at all samples with a trained network."""

    def of_batch(self, learner: "Learner", images: "Tensor", labels: "Tensor") -> "Tensor":
        """The scores of a batch, `[batch]`, in evaluation mode; images as the network takes them."""


class ClusterScorer(Scorer, Protocol):
    """A scorer that reads clusters."""

    def from_clusters(self, table: Table, progress: Progress) -> Scores:
        """The scores, `[n]`."""


class EmbeddingScorer(Scorer, Protocol):
    """A scorer that reads vectors."""

    def from_embedding(self, embedding: Embedding, progress: Progress) -> Mapping[str, Column]:
        """Columns `[n]` by name, the score first."""


def presentations(trace: Trace) -> Scores:
    """How often each sample was presented, `[models, n]`."""
    count = np.zeros(trace.size)
    for seen in trace.epochs():
        count[seen.place] += 1
    return count.reshape(trace.n_models, trace.n)


def mean_over_epochs(trace: Trace, name: str) -> Scores:
    """The mean of a column of the trace over the presentations of each sample, `[models, n]`."""
    total, count = np.zeros(trace.size), np.zeros(trace.size)
    for seen in trace.epochs():
        total[seen.place] += getattr(seen, name)
        count[seen.place] += 1
    with np.errstate(invalid="ignore"):
        return (total / count).reshape(trace.n_models, trace.n)


def forgetting_events(trace: Trace) -> tuple[Scores, Scores]:
    """Forgetting events and presentations of each sample, `[models, n]` each.

    An event is being right at one presentation and wrong at the next; a sample that was never right has one
    per presentation.
    """
    events, n_seen = np.zeros(trace.size), np.zeros(trace.size)
    was_right, ever_right = np.zeros(trace.size, np.bool_), np.zeros(trace.size, np.bool_)
    for seen in trace.epochs():
        at = seen.place
        events[at] += was_right[at] & ~seen.correct
        n_seen[at] += 1
        was_right[at] = seen.correct
        ever_right[at] |= seen.correct
    counts = np.where(ever_right, events, n_seen)
    shape = (trace.n_models, trace.n)
    return counts.reshape(shape), n_seen.reshape(shape)


def last_seen(trace: Trace, name: str) -> Scores:
    """A column of the trace at the last presentation of each sample, `[models, n]`."""
    latest = np.full(trace.size, np.nan)
    for seen in trace.epochs():
        latest[seen.place] = getattr(seen, name)
    return latest.reshape(trace.n_models, trace.n)
