"""train --trials: one policy under several seeds, each a run of `train`, with mean and spread."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from curate import outside, world
from curate.artifacts.results import Outcome
from curate.data.dataset import Dataset, Options, open_dataset, reference_of
from curate.data.own import as_given
from curate.errors import CurateError
from curate.progress import LOGGED, Progress
from curate.statistics import Spread, spread
from curate.verbs.naming import output_path
from curate.verbs.train import TrainingResult, asked_beside, default_name, settled_policy, train


@dataclass(frozen=True)
class TrialsResult:
    """Runs of one command that differ by their seed alone, and the results file that holds their rows."""

    path: Path
    trials: list[TrainingResult]

    @property
    def outcomes(self) -> list[Outcome]:
        """The rows of the trials, in order of their seeds."""
        return [trial.outcome for trial in self.trials if trial.outcome is not None]

    def summary(self, field: str) -> Spread:
        """Mean, spread and median of one field of the rows."""
        return spread([getattr(outcome, field) for outcome in self.outcomes])


def train_trials(
    dataset: str | Dataset,
    model: Any = None,
    *,
    trials: int,
    seed: int = 0,
    output: str | Path | None = None,
    results: str | Path | None = None,
    opening: Options = Options(),
    progress: Progress = LOGGED,
    **options: Any,
) -> TrialsResult:
    """Run `train` with the seeds `seed`, `seed` + 1, ...; the other options are those of `train`.

    The run of seed s is written to OUTPUT-seed-s, its row to `results`, by default OUTPUT-trials.parquet.
    What is there already is not trained again, so a killed command goes on, and more trials can be added.
    Ranks are dealt the trials, each of which is that of one process; fewer trials than ranks are trained by
    all of them.
    """
    if trials < 1:
        raise CurateError(f"trials={trials} is too few: use 1 or more")
    dataset = as_given(dataset, opening, progress)
    reference = reference_of(dataset)
    model = None if model is None else outside.hand_in("models", model)
    policy, keep = settled_policy(options.get("policy"), options.get("keep"), progress)
    beside = asked_beside(options, options.get("options"))
    name = default_name(reference, model, policy, keep, opening, options.get("hyperparameters"), beside)
    path = output_path(output, name)
    rows = output_path(results, f"{path}-trials.parquet")
    data = world.first_alone(lambda: open_dataset(dataset, opening, progress))
    shared: dict[str, Any] = {
        "opening": opening,
        "results": rows,
        "progress": progress,
        **options,
        "policy": policy,
        "keep": keep,
    }

    def trained(number: int) -> TrainingResult:
        return train(data, model, seed=seed + number, output=f"{path}-seed-{seed + number}", **shared)

    if 1 < world.here().size <= trials:
        mine = world.dealt(trials)
        with world.alone():
            for number in mine:
                trained(number)
        world.here().wait()  # until all trials are there: below they are found
        shared |= {"force": False, "fresh": False, "progress": Progress()}
    return TrialsResult(rows, [trained(number) for number in range(trials)])
