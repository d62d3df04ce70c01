"""advise: a cheap pilot, and from it what to keep for a given loss of accuracy, or for so many hours.

The pilot trains for a fifth of the epochs: on everything, and on a few budgets under each policy, with some
seeds of each. `loss_law` carries what they lose over to the whole run. Where results of whole runs are at
hand, `against` holds the predictions to them.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from curate import finder
from curate.artifacts.results import Outcome, read_results
from curate.data.dataset import Options, open_dataset
from curate.errors import CurateError
from curate.networks.model import default_model
from curate.recipes.comparison import control_of
from curate.recipes.loss_law import Foresight, foresee, share_of
from curate.recipes.run import STORE, RunResult, Watch, run
from curate.verbs.naming import stem
from curate.verbs.outcomes import seconds_of

PILOT_KEEPS = (0.1, 0.2, 0.4, 0.7)
POLICIES = ("random", "epsilon-greedy")
_FEWEST_EPOCHS = 8  # of a pilot: a checkpoint before each, and a warm-up


@dataclass(frozen=True)
class Option:
    """What one policy would do: what to keep, for how many epochs, what that loses and takes.

    `loss` is the expected loss against full training of as many epochs, `low` and `high` the ends of its 95%
    interval, in 0..1; `hours` the time of the run, selecting included.
    """

    policy: str
    keep: float
    epochs: int
    loss: float
    low: float
    high: float
    hours: float


@dataclass(frozen=True)
class Prediction:
    """What whole runs of a method lost at a keep, beside what the pilot predicts; losses in 0..1.

    `low` and `high` are the ends of the 95% interval of `predicted`; it is a `hit` where the mean of what
    was measured, one loss per seed, lies between them.
    """

    method: str
    keep: float
    predicted: float
    low: float
    high: float
    measured: Sequence[float]

    @property
    def hit(self) -> bool:
        """Whether the interval holds what was measured."""
        return self.low <= float(np.mean(self.measured)) <= self.high


@dataclass(frozen=True)
class Advice:
    """The options, the best first; why; what was measured; the command; the predictions held to results."""

    options: list[Option]
    verdict: str
    pays: bool
    command: str
    full_hours: float
    pilot: RunResult
    pilot_epochs: int
    predictions: list[Prediction]


ACCURACY_LOSS = 1.0  # points that may be lost, where neither that nor the hours are said


def advise(
    dataset: str,
    model: str | None = None,
    *,
    accuracy_loss: float | None = None,
    hours: float | None = None,
    epochs: int | None = None,
    trials: int = 3,
    jobs: int = 1,
    store: str | Path = STORE,
    output: str | Path | None = None,
    against: str | Path | None = None,
    opening: Options = Options(),
    watch: Watch = lambda state: None,
) -> Advice:
    """Propose policy, keep and epochs for a dataset and a model, from a pilot of a fifth of the epochs.

    Either `accuracy_loss`, in percentage points against full training, or `hours` is given: then it is the
    least that has to be trained on, or the best that fits. The model is the default for the images, unless it
    is named; `epochs` are those of the whole run, by default
    the model's own. The pilot is a recipe like any other: it goes on after a kill, and its trials are rows of
    `output`. `against` is a results file of whole runs, of the same samples, model and epochs, to which the
    predictions are held.
    """
    if accuracy_loss is not None and hours is not None:
        raise CurateError("say one of --accuracy-loss and --hours: what may be lost, or how long it may take")
    if hours is None and accuracy_loss is None:
        accuracy_loss = ACCURACY_LOSS
    for name, value in (("accuracy-loss", accuracy_loss), ("hours", hours)):
        if value is not None and not 0 < value < math.inf:
            raise CurateError(f"{name}={value} is not positive: use a number above 0")
    if model is None:
        model = default_model(*open_dataset(dataset, opening).images.shape[:2])
    whole = epochs or int(finder.load("models", model).hyperparameters.n_epochs)
    short = min(whole, max(_FEWEST_EPOCHS, whole // 5))
    sweep = _whole_runs(against, model, whole) if against is not None else []
    path = Path(output) if output is not None else Path(f"{stem(dataset)}-{model}-pilot.parquet")
    recipe = path.with_suffix(".toml")
    recipe.write_text(pilot_recipe(dataset, model, short, trials, opening))
    pilot = run(recipe, jobs=jobs, store=store, output=path, watch=watch)
    if pilot.failed:
        raise CurateError(f"the pilot failed: {next(iter(pilot.failed.values()))}")
    advice = conclude(pilot, dataset, model, whole, short, accuracy_loss, hours, opening)
    if against is None:
        return advice
    predictions = predictions_of(pilot.rows, sweep)
    if not predictions:
        raise CurateError(
            f"{against} holds no method of the pilot beside full training of the same samples: nothing to "
            f"compare; the pilot stays in {path}"
        )
    return replace(advice, predictions=predictions)


def predictions_of(pilot: Sequence[Outcome], sweep: Sequence[Outcome]) -> list[Prediction]:
    """What the pilot predicts for every method and keep that whole runs of the same samples have."""
    fingerprints = {row.fingerprint for row in pilot}
    sweep = [row for row in sweep if row.fingerprint in fingerprints]
    full = _full_of(sweep)
    if not full:
        return []
    found = []
    for name, foresight in foresee(pilot, next(iter(full.values())).n_epochs).items():
        measured: dict[float, list[float]] = {}
        for row in sweep:
            if row.name == name and row.seed in full:
                measured.setdefault(share_of(row), []).append(full[row.seed].accuracy - row.accuracy)
        for keep, losses in sorted(measured.items()):
            low, mean, high = foresight.interval(keep)
            found.append(Prediction(name, keep, mean, low, high, losses))
    return found


def _full_of(rows: Sequence[Outcome]) -> dict[int, Outcome]:
    """Full training by seed."""
    return {row.seed: row for row in rows if control_of(row) == "full"}


def _whole_runs(path: str | Path, model: str, epochs: int) -> list[Outcome]:
    """The rows of a results file that are runs of a model for so many epochs, or for less by early-stop."""
    rows = [row for row in read_results(path) if row.model == model]
    if not any(control_of(row) == "full" and row.n_epochs == epochs for row in rows):
        raise CurateError(f"{path} has no full training of {model} for {epochs} epochs to compare with")

    def is_shorter(row: Outcome) -> bool:
        return control_of(row) == "early-stop" and abs(row.n_epochs - share_of(row) * epochs) < 1

    return [row for row in rows if row.n_epochs == epochs or is_shorter(row)]


def _said(opening: Options) -> dict[str, Any]:
    """What the user said of the images, as the options of a command are called."""
    said = {name: value for name, value in asdict(opening).items() if value != getattr(Options(), name)}
    return {name.replace("_", "-"): value for name, value in said.items()}


def pilot_recipe(dataset: str, model: str, epochs: int, trials: int, opening: Options = Options()) -> str:
    """The pilot as a recipe."""
    opened = "".join(f"{name} = {json.dumps(value)}\n" for name, value in _said(opening).items())
    policies = [policy for policy in POLICIES if policy != "random"]
    return f"""title = "Pilot: what pruning loses, in {epochs} epochs"
controls = ["full", "early-stop", "random"]

[ranked]
train = {_quoted(dataset)}
{opened}model = "{model}"
policy = {policies}
keep = {list(PILOT_KEEPS)}
epochs = {epochs}
trials = {trials}
label = "{{policy}}"

[report]
figures = ["keep", "seconds"]
"""


def conclude(
    pilot: RunResult,
    dataset: str,
    model: str,
    whole: int,
    short: int,
    accuracy_loss: float | None,
    hours: float | None,
    opening: Options = Options(),
) -> Advice:
    """What follows from the rows of a pilot."""
    stretch = whole / short
    full = [seconds_of(row) or 0.0 for row in pilot.rows if control_of(row) == "full"]
    full_hours = stretch * float(np.mean(full)) / 3600
    foresights = foresee(pilot.rows, whole)
    rows_of = {name: [row for row in pilot.rows if row.name == name] for name in foresights}
    early = next(name for name, rows in rows_of.items() if control_of(rows[0]) == "early-stop")
    options = []
    for name, own in rows_of.items():
        if name == early:
            continue
        foresight = foresights[name]
        keep = _keep_for(own, foresight, full_hours, stretch, accuracy_loss, hours)
        low, mean, high = foresight.interval(keep)
        taken = _hours(own, keep, full_hours, stretch)
        options.append(Option(name, keep, whole, mean, low, high, taken))
    options.sort(
        key=lambda one: (one.hours, one.loss) if accuracy_loss is not None else (one.loss, one.hours)
    )
    best = options[0]
    pays, verdict, epochs = _verdict(best, foresights[early], hours, full_hours)
    opened = [f"--{name}" + ("" if value is True else f" {value}") for name, value in _said(opening).items()]
    words = " ".join([f"curate train {dataset} --model {model} --epochs {epochs}", *opened])
    command = f"{words} --policy {best.policy} --keep {best.keep:g}" if pays else words
    return Advice(options, verdict, pays, command, full_hours, pilot, short, [])


def _keep_for(
    rows: Sequence[Outcome],
    foresight: Foresight,
    full_hours: float,
    stretch: float,
    accuracy_loss: float | None,
    hours: float | None,
) -> float:
    """The least keep whose loss is allowed, at the upper end of its interval; or the most that fits."""
    least = round(50 * min(PILOT_KEEPS))  # of less the pilot says nothing
    grid = [round(0.02 * step, 2) for step in range(least, 51)]
    if accuracy_loss is not None:
        highest = [high for _, _, high in foresight.intervals(grid)]
        allowed = (keep for keep, high in zip(grid, highest, strict=True) if high <= accuracy_loss / 100)
        return next(allowed, 1.0)
    assert hours is not None
    return max((q for q in grid if _hours(rows, q, full_hours, stretch) <= hours), default=grid[0])


def _hours(rows: Sequence[Outcome], keep: float, full_hours: float, stretch: float) -> float:
    """The time of a whole run at a keep: a line through what the pilot took, and full training."""
    keeps = [share_of(row) for row in rows]
    times = [stretch * (seconds_of(row) or 0.0) / 3600 for row in rows]
    slope, start = np.polyfit([*keeps, 1.0], [*times, full_hours], 1)
    return float(max(0.0, start + slope * keep))


def _verdict(
    best: Option, shorter: Foresight, hours: float | None, full_hours: float
) -> tuple[bool, str, int]:
    """Whether pruning pays, why, and for how many epochs: beside full training, and beside less of it."""
    whole = best.epochs
    if hours is not None and full_hours <= hours:
        return False, f"full training takes {full_hours:.2f} hours, which fits: pruning does not pay", whole
    if hours is not None and best.hours > hours:
        epochs = max(1, int(whole * hours / full_hours))
        text = (
            f"keep {best.keep:g}, the least that the pilot tried, takes {best.hours:.2f} hours: "
            "pruning does not pay, a shorter schedule fits"
        )
        return False, text, epochs
    if best.keep >= 1 or best.hours >= 0.95 * full_hours:
        return (
            False,
            "nothing stays within that in less time: pruning does not pay",
            whole,
        )
    less = shorter.interval(best.keep)[1]
    if less <= best.loss:
        text = (
            f"fewer epochs of full training lose no more ({100 * less:.2f} points for {best.keep:.0%} of "
            f"the presentations, {best.policy} {100 * best.loss:.2f}): pruning does not pay, a shorter "
            "schedule does"
        )
        return False, text, max(1, round(best.keep * whole))
    text = (
        f"{best.policy} at keep {best.keep:g} loses {100 * best.loss:.2f} points "
        f"[{100 * best.low:.2f}, {100 * best.high:.2f}] for {best.hours / full_hours:.2f} of the time of "
        f"full training; as many presentations of a shorter schedule lose {100 * less:.2f}"
    )
    return True, text, whole


def _quoted(text: str) -> str:
    """Text as TOML writes it."""
    return json.dumps(text)
