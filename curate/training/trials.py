"""Trials: the same training run again and again with other seeds, one after another or side by side."""

import multiprocessing
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt
import torch

from curate.data.dataset import Dataset
from curate.finder import make
from curate.manifests.manifest import Selected, open_manifest
from curate.networks import learner as learners
from curate.networks.model import Recipe
from curate.progress import SILENT, Progress
from curate.selection.policy import Budget, Observing, Plan, Policy, View, draw
from curate.training.batches import Batches
from curate.training.evaluate import evaluate
from curate.training.loop import fit


@dataclass(frozen=True)
class Trial:
    """One training run of one seed, tested after its last epoch; accuracies in 0..1."""

    seed: int
    accuracy: float
    worst_class: float
    test_loss: float
    samples_seen: int
    select_seconds: float
    train_seconds: float
    weights_sha256: str


@dataclass(frozen=True)
class Setting:
    """All that the trials of a replay share; it can be sent to another process."""

    manifest: str
    data: Dataset
    test: Dataset
    available: npt.NDArray[np.int64]
    model: str
    options: Mapping[str, Any]
    recipe: Recipe
    device: str
    freeze: Literal["", "last"] = ""


@dataclass(frozen=True)
class MatchedRandom:
    """The control `random`: as many samples per epoch as the manifest, drawn uniformly.

    A static manifest is matched by one draw for the whole run, a dynamic one by a draw per epoch.
    """

    sizes: list[int]

    observes: ClassVar[Observing] = "nothing"
    budget: ClassVar[Budget] = "own"
    period: ClassVar[int | None] = 1

    def plan(self, view: View) -> Plan:
        """A new draw for every checkpoint of the manifest."""
        static = len(self.sizes) == 1
        if static and "drawn" in view.memory:
            return Plan(Selected(view.memory["drawn"]), view.memory)
        size = min(self.sizes[0 if static else view.epoch], len(view.available))
        drawn = draw(view.available, size, view.rng)
        return Plan(Selected(drawn), {"drawn": drawn} if static else {})


class Laboratory:
    """Data on the device, cut once, on which trials are run."""

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        manifest = open_manifest(setting.manifest)
        epochs = [manifest.n_epochs - 1] if setting.freeze else range(manifest.n_epochs)
        sizes = [len(manifest.selected(epoch).indices) for epoch in epochs]
        recorded = {"manifest": setting.manifest, "freeze": setting.freeze}
        self._policies: dict[str, Policy] = {
            "manifest": make("policies", "recorded", recorded),
            "full": make("policies", "full"),
            "random": MatchedRandom(sizes),
        }
        first = self._learner(0)
        self._normalization: learners.Normalization | None = first.normalization
        self._batches, self._test = Batches(setting.data, first), Batches(setting.test, first)
        self._warm_up(first)

    def trial(self, name: str, seed: int, progress: Progress = SILENT) -> Trial:
        """One run of the manifest or of a control, tested after its last epoch."""
        setting = self._setting
        started = time.perf_counter()
        learner = self._learner(seed)
        select_seconds, samples_seen = 0.0, 0
        policy = self._policies[name]
        for epoch in fit(learner, policy, self._batches, setting.available, setting.recipe, seed, progress):
            select_seconds += epoch.select_seconds
            samples_seen = epoch.samples_seen
            progress.advance(0, run=name, seed=str(seed), epoch=str(epoch.epoch + 1), loss=epoch.loss)
        seconds = time.perf_counter() - started
        result = evaluate(learner, self._test, len(setting.data.classes))
        return Trial(
            seed,
            result.accuracy,
            result.worst_class,
            result.loss,
            samples_seen,
            select_seconds,
            seconds - select_seconds,
            learners.weights_sha256(learner),
        )

    def _warm_up(self, learner: learners.Learner) -> None:
        """A few steps on a network that is thrown away, so that the first trial is timed like the others."""
        recipe = replace(self._setting.recipe, n_epochs=1)
        few = MatchedRandom([4 * recipe.batch_size])
        for _ in fit(learner, few, self._batches, self._setting.available, recipe, 0):
            pass

    def _learner(self, seed: int) -> learners.Learner:
        setting = self._setting
        return learners.build(
            setting.model,
            setting.options,
            setting.data,
            seed,
            torch.device(setting.device),
            getattr(self, "_normalization", None),
        )


def side_by_side(
    setting: Setting, wanted: Iterable[tuple[str, int]], jobs: int, progress: Progress
) -> list[Trial]:
    """Trials in `jobs` processes that share out the threads; results in the order wanted."""
    threads = max(1, torch.get_num_threads() // jobs)
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(jobs, context, initializer=_open_laboratory, initargs=(setting, threads))
    try:
        found = []
        for future in [pool.submit(_trial_elsewhere, name, seed) for name, seed in wanted]:
            found.append(future.result())
            progress.advance(found[-1].samples_seen)
        return found
    finally:
        pool.shutdown(cancel_futures=True)


_laboratory: Laboratory | None = None


def _open_laboratory(setting: Setting, threads: int) -> None:
    """Runs once in every worker process."""
    global _laboratory  # noqa: PLW0603  one laboratory per process, opened by its initializer
    torch.set_num_threads(threads)
    _laboratory = Laboratory(setting)


def _trial_elsewhere(name: str, seed: int) -> Trial:
    assert _laboratory is not None
    return _laboratory.trial(name, seed)
