"""How long a task will take, from what was measured of tasks like it."""

import statistics
from collections.abc import Iterable, Mapping
from typing import Any

from curate import finder
from curate.networks.model import DEFAULT_MODEL
from curate.recipes.store import Done
from curate.recipes.task import Task
from curate.selection.budget import count_to_keep

_TRAINED = ("train", "replay")


class Estimate:
    """Seconds of tasks by what was measured; None for a task like none before.

    A training run is taken to cost by the samples that it sees, other verbs as much as the last ones did.
    """

    def __init__(self, done: Iterable[Done]) -> None:
        self._per_sample: dict[str, list[float]] = {}
        self._seconds: dict[str, list[float]] = {}
        for one in done:
            self.learn(one)

    def learn(self, done: Done) -> None:
        """Take in a task that is finished."""
        verb = str(done.task["verb"])
        if verb in _TRAINED and done.outcome is not None and done.outcome.samples_seen:
            rate = done.seconds / done.outcome.samples_seen
            self._per_sample.setdefault(done.outcome.model, []).append(rate)
        else:
            self._seconds.setdefault(verb, []).append(done.seconds)

    def seconds(self, task: Task, tasks: Mapping[str, Task], n: int | None) -> float | None:
        """What a task will take, on a dataset of `n` samples; None where nothing tells."""
        if task.verb not in _TRAINED:
            known = self._seconds.get(task.verb)
            return statistics.median(known[-20:]) if known else None
        rates = self._per_sample.get(_model_of(task, tasks))
        if not rates or n is None:
            return None
        return statistics.median(rates[-20:]) * samples_seen(task, tasks, n)


def samples_seen(task: Task, tasks: Mapping[str, Task], n: int) -> float:
    """How many samples a training run will see, as far as its options tell."""
    keep = _option("keep", task, tasks)
    model = finder.load("models", _model_of(task, tasks))
    n_epochs = int(_option("epochs", task, tasks) or model.hyperparameters.n_epochs)
    parts = [count_to_keep(part, n) for part in str(keep).split(":")] if keep is not None else [n]
    return n_epochs * sum(parts) / len(parts)


def _model_of(task: Task, tasks: Mapping[str, Task]) -> str:
    return str(_option("model", task, tasks) or DEFAULT_MODEL)


def _option(name: str, task: Task, tasks: Mapping[str, Task]) -> Any:
    """An option of a task, or of what it replays."""
    if name in task.options or "" not in task.parents:
        return task.options.get(name)
    above = tasks[task.parents[""]]
    return above.options.get(name) if above.verb in ("select", "train") else None
