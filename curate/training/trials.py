"""The laboratory: the same data, on which any policy is trained again and again with other seeds.

`replay` runs its trials here, and so do the benchmarks.
"""

import math
import multiprocessing
import pickle
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from curate import outside
from curate.data.dataset import Dataset
from curate.errors import CurateError
from curate.networks import learner as learners
from curate.networks.learner import Learner
from curate.networks.model import Hyperparameters
from curate.networks.weights import Weights
from curate.progress import LOGGED, Progress
from curate.selection.controls import MatchedRandom
from curate.selection.policy import Policy
from curate.selection.session import Session
from curate.training.augmentation import cuts
from curate.training.batches import Batches
from curate.training.evaluate import Evaluation, evaluate
from curate.training.forecast import forecast
from curate.training.loop import fit
from curate.training.outcome import Trial
from curate.world import ALONE, World


@dataclass(frozen=True)
class Setting:
    """All that trials share; it can be sent to another process. `available` are the indices that exist.

    Its hyperparameters name a precision, not `auto`; those of a trial may differ in all but that. Every
    network starts from `weights`, where there are some.
    """

    data: Dataset
    test: Dataset
    model: str
    options: Mapping[str, Any]
    hyperparameters: Hyperparameters
    device: str
    available: npt.NDArray[np.int64]
    weights: Weights | None = None


@dataclass(frozen=True)
class Wanted:
    """A trial to be run: its name for the user, its policy, its seed and its session.

    `hyperparameters` are those of the setting where there are none of its own. The network is tested every
    `evaluate_every` epochs, and after the last one in any case.
    """

    name: str
    policy: Policy
    seed: int
    session: Session = Session()
    hyperparameters: Hyperparameters | None = None
    evaluate_every: int = 0


@dataclass(frozen=True)
class Trained:
    """A network after its last epoch, and what it took.

    `changes` are the shares of its selection that the policy changed, decision by decision; `tests` what was
    found along the way, by epoch.
    """

    learner: Learner
    samples_seen: int
    select_seconds: float
    train_seconds: float
    changes: list[float]
    tests: dict[int, Evaluation]
    evaluate_seconds: float


class Laboratory:
    """Data on the device, cut once, on which trials are run; by several `ranks`, all of which train each."""

    def __init__(self, setting: Setting, ranks: World = ALONE) -> None:
        self._setting, self._ranks = setting, ranks
        self._normalization = learners.normalization_of(setting.data)
        first = self._learner(0)
        self._first, self._cut = first, dict[str, tuple[Batches, Batches]]()
        self._warm_up()

    def _batches(self, hyperparameters: Hyperparameters) -> tuple[Batches, Batches]:
        """Batches to train on and to test on: of the same images, unless parts are cut out of them."""
        setting, augment = self._setting, hyperparameters.augment
        if not cuts(augment, self._first.n_channels):
            augment = "none"
        if augment not in self._cut:
            made = (Batches(data, self._first, augment) for data in (setting.data, setting.test))
            self._cut[augment] = next(made), next(made)
        return self._cut[augment]

    def forecast(self, n_presentations: float) -> str:
        """How long training with so many presentations takes, where that is long."""
        setting = self._setting
        hyperparameters = setting.hyperparameters
        data, _ = self._batches(hyperparameters)
        return forecast(self._learner(0), data, setting.available, hyperparameters, n_presentations)

    def trial(self, wanted: Wanted, progress: Progress = LOGGED) -> Trial:
        """Train, and test after the last epoch."""
        trained = self.train(wanted, progress)
        started = time.perf_counter()
        tested = self.test(trained.learner, wanted.hyperparameters)
        seconds = time.perf_counter() - started
        n_epochs = (wanted.hyperparameters or self._setting.hyperparameters).n_epochs
        along = {epoch: test.accuracy for epoch, test in trained.tests.items()}
        along[n_epochs - 1] = tested.accuracy
        return Trial(
            seed=wanted.seed,
            accuracy=tested.accuracy,
            worst_class=tested.worst_class,
            test_loss=tested.loss,
            samples_seen=trained.samples_seen,
            select_seconds=trained.select_seconds,
            train_seconds=trained.train_seconds,
            evaluate_seconds=trained.evaluate_seconds + seconds,
            accuracy_per_epoch=[along.get(epoch, math.nan) for epoch in range(n_epochs)],
            weights_sha256=learners.weights_sha256(trained.learner),
        )

    def train(self, wanted: Wanted, progress: Progress = LOGGED) -> Trained:
        """One training run."""
        started = time.perf_counter()
        learner = self._learner(wanted.seed)
        select_seconds, evaluate_seconds, samples_seen = 0.0, 0.0, 0
        changes: list[float] = []
        tests: dict[int, Evaluation] = {}
        hyperparameters = wanted.hyperparameters or self._setting.hyperparameters
        epochs = fit(
            learner,
            wanted.policy,
            self._batches(hyperparameters)[0],
            available=self._setting.available,
            hyperparameters=hyperparameters,
            seed=wanted.seed,
            session=wanted.session,
            ranks=self._ranks,
            progress=progress,
        )
        for epoch in epochs:
            select_seconds += epoch.select_seconds
            samples_seen = epoch.samples_seen
            changes += [epoch.changed] if epoch.asked and epoch.changed is not None else []
            live = {"run": wanted.name, "seed": str(wanted.seed), "epoch": str(epoch.epoch + 1)}
            progress.advance(0, **live, loss=epoch.loss)
            last = epoch.epoch == hyperparameters.n_epochs - 1
            if wanted.evaluate_every and not last and (epoch.epoch + 1) % wanted.evaluate_every == 0:
                before = time.perf_counter()
                tests[epoch.epoch] = self.test(learner, hyperparameters)
                evaluate_seconds += time.perf_counter() - before
        train_seconds = time.perf_counter() - started - select_seconds - evaluate_seconds
        return Trained(learner, samples_seen, select_seconds, train_seconds, changes, tests, evaluate_seconds)

    def test(self, learner: Learner, hyperparameters: Hyperparameters | None = None) -> Evaluation:
        """Test a network on the test set; it was trained with these hyperparameters, or the setting's."""
        _, test = self._batches(hyperparameters or self._setting.hyperparameters)
        return evaluate(learner, test, len(self._setting.data.classes), self._ranks)

    def _warm_up(self) -> None:
        """A few steps on a network that is thrown away, so that the first trial is timed like the others."""
        one = replace(self._setting.hyperparameters, n_epochs=1)
        self.train(Wanted("", MatchedRandom([4 * one.batch_size]), seed=0, hyperparameters=one))

    def _learner(self, seed: int) -> Learner:
        setting = self._setting
        return learners.build(
            setting.model,
            setting.options,
            setting.data,
            seed,
            torch.device(setting.device),
            self._normalization,
            setting.hyperparameters.precision,
            setting.weights,
        )


def trials_in_processes(
    setting: Setting, wanted: Sequence[Wanted], jobs: int, progress: Progress
) -> Iterator[tuple[Wanted, Trial]]:
    """Trials in `jobs` processes that share out the threads, as they come to an end.

    The setting goes to them in a file: a process that dies early leaves a full pipe, and this one waiting.
    """
    outside.refuse_unguarded()
    threads = max(1, torch.get_num_threads() // jobs)
    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as folder:
        shared = Path(folder) / "setting"
        with shared.open("wb") as file:
            pickle.dump((setting, outside.for_other_processes()), file, protocol=pickle.HIGHEST_PROTOCOL)
        pool = ProcessPoolExecutor(jobs, context, initializer=_open_laboratory, initargs=(shared, threads))
        try:
            running = {pool.submit(_trial_elsewhere, one): one for one in wanted}
            for future in as_completed(running):
                trial = future.result()
                progress.advance(trial.samples_seen)
                yield running[future], trial
        except BrokenProcessPool:
            raise CurateError(f"a process ended before its work was done: {outside.UNGUARDED}") from None
        finally:
            pool.shutdown(cancel_futures=True)


_laboratory: Laboratory | None = None


def _open_laboratory(shared: Path, threads: int) -> None:
    """Runs once in every worker process."""
    global _laboratory  # noqa: PLW0603  one laboratory per process, opened by its initializer
    torch.set_num_threads(threads)
    with shared.open("rb") as file:
        setting, handed = pickle.load(file)  # noqa: S301  written by the process that started this one
    outside.take_over(handed)
    _laboratory = Laboratory(setting)


def _trial_elsewhere(wanted: Wanted) -> Trial:
    assert _laboratory is not None
    return _laboratory.trial(wanted)
