"""replay: train and test from a manifest, several trials, next to controls in the same process.

Every finished trial is a row in a results file, where the same command finds it again. Here is what a replay
is, and all that can be checked before torch is needed; replay_trials.py runs the trials.
"""

from collections.abc import Iterable, Mapping
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from curate import finder, outside, world
from curate.artifacts.results import check_results
from curate.data.dataset import Dataset, Options, check_reference, open_recorded, opening_for
from curate.data.identity import Indices
from curate.data.images import ResidentImages
from curate.errors import CurateError
from curate.manifests.manifest import Manifest, follow
from curate.networks.model import DEFAULT_MODEL, Hyperparameters
from curate.progress import LOGGED, Progress
from curate.sharing.cache import is_remote
from curate.sharing.opening import open_any
from curate.statistics import Difference, Spread, paired_difference, spread
from curate.verbs.hyperparameters import hyperparameters_for, with_epochs
from curate.verbs.naming import amount_and_more, model_in_words, name_of, output_path
from curate.verbs.replay_setting import (
    check_in_replay,
    first_seed_for,
    model_for,
    overrides_in_replay,
    recorded_hyperparameters,
    recorded_in_words,
    recorded_test,
    seeds_behind,
)
from curate.verbs.testing import open_test
from curate.verbs.train import check_device, model_of_weights, weights_at

if TYPE_CHECKING:
    from curate.networks.weights import Weights
    from curate.training.outcome import Trial

CONTROLS = ("full", "random")


@dataclass(frozen=True)
class Run:
    """All trials of the manifest, or of one control."""

    name: str
    trials: "list[Trial]"

    def summary(self, field: str) -> Spread:
        """Mean, spread and median of one field of the trials."""
        return spread([getattr(trial, field) for trial in self.trials])


@dataclass(frozen=True)
class ReplayResult:
    """What a replay found. `runs[0]` is the manifest, the controls follow.

    `scoring_seconds` and `scoring_samples_seen` are what the scores cost that the manifest was selected by,
    as measured when they were made; 0 where there are none, or where they are not to be counted. The seconds
    are None where a training run behind them noted none, as that of a trace of `curate train`. `differs_in`
    says in what this replay differs from what made the manifest: model, image size or channels. `path` is the
    results file, in which `n_found` of the trials were before.
    """

    path: Path
    n_found: int
    manifest: str
    manifest_sha256: str
    dataset: str
    model: str
    hyperparameters: Hyperparameters
    n_selected_per_epoch: float
    n: int
    device: str
    n_threads: int
    jobs: int
    scoring_seconds: float | None
    scoring_samples_seen: int
    differs_in: list[str]
    runs: list[Run]

    def __repr__(self) -> str:
        found = ", ".join(f"{run.name} {_in_points(run.summary('accuracy'))}" for run in self.runs)
        return f"<ReplayResult {self.path}: test accuracy in %, {found}>"

    def difference(self, control: str) -> Difference:
        """Test accuracy of the manifest minus that of a control, paired by seed."""
        others = {run.name: run for run in self.runs[1:]}
        if control not in others:
            ran = f"controls: {', '.join(others)}" if others else "no controls"
            raise CurateError(
                f"{control} was not run beside the manifest, which had {ran}: name it in against"
            )
        other = others[control]
        return paired_difference(
            [trial.accuracy for trial in self.runs[0].trials], [trial.accuracy for trial in other.trials]
        )

    def seconds(self, run: Run) -> Spread | None:
        """Seconds of a run with all that had to come before: scoring, for the manifest; None if unknown."""
        before = self.scoring_seconds if run is self.runs[0] else 0.0
        if before is None:
            return None
        return spread([before + trial.select_seconds + trial.train_seconds for trial in run.trials])

    def as_dict(self) -> dict[str, Any]:
        """Everything as plain JSON values."""
        plain = asdict(self) | {"path": str(self.path)}
        plain["recipe"] = plain.pop("hyperparameters")  # the key on disk
        for run, described in zip(self.runs, plain["runs"], strict=True):
            described["accuracy"] = asdict(run.summary("accuracy"))
            described["worst_class"] = asdict(run.summary("worst_class"))
            seconds = self.seconds(run)
            described["seconds"] = None if seconds is None else asdict(seconds)
            if run is not self.runs[0]:
                described["manifest_minus_this"] = asdict(self.difference(run.name))
        return plain


def _in_points(accuracy: Spread) -> str:
    """Mean ± std of an accuracy, in percent."""
    return f"{100 * accuracy.mean:.2f}" + ("" if accuracy.std is None else f" ± {100 * accuracy.std:.2f}")


@dataclass(frozen=True)
class Replay:
    """A replay as it was asked for, checked as far as can be without a network; see `replay`.

    `aligned` is `source` in the order of the manifest, where `available` are the samples that are there.
    """

    manifest: Manifest
    source: Dataset
    aligned: Dataset
    available: Indices
    test: Dataset
    model: str | None
    options: Mapping[str, Any]
    hyperparameters: Mapping[str, Any]
    weights: "Weights | None"
    device: str | None
    names: list[str]
    seeds: range
    jobs: int
    freeze: str
    count_scoring: bool
    evaluate_every: int
    path: Path
    force: bool


def replay(
    manifest: str | Path | Manifest,
    data: str | Dataset | None = None,
    *,
    model: Any = None,
    options: Mapping[str, Any] | None = None,
    hyperparameters: Mapping[str, Any] | None = None,
    epochs: int | None = None,
    trials: int = 3,
    against: str | Iterable[str] = (),
    opening: Options | None = None,
    test: str | Dataset | None = None,
    seed: int | None = None,
    device: str | None = None,
    jobs: int = 1,
    freeze: Literal["", "last"] = "",
    count_scoring: bool = True,
    evaluate_every: int = 0,
    weights: str | Path | None = None,
    output: str | Path | None = None,
    force: bool = False,
    progress: Progress = LOGGED,
) -> ReplayResult:
    """Train `trials` times on what a manifest selects and test after the last epoch.

    Model, hyperparameters and first seed default to what the manifest records, else to basic-cnn, its own
    and 0, or the first that no training run behind a static manifest had: what judges a selection shares no
    start and no order with what made it. Trial t has seed + t. `against` names controls (`full`, `random`),
    which train in alternation with the manifest on the same seeds. The manifest is a folder, or lies on the
    Hub (`hf:owner/name@v1`). A dataset that is not the manifest's is refused; a re-ordered or extended copy
    is followed by uid. `jobs` trains so many runs at the same time, the threads shared out among them: more
    runs per hour on a CPU, where small models do not fill all threads. Weights are bit-identical only at
    equal threads per run. A dynamic manifest is followed epoch by epoch; with `freeze="last"`, the selection
    of its last epoch is trained on throughout, as if it were static. What the scores behind the manifest cost
    is part of the seconds reported, unless `count_scoring` is false. `weights` is what every network starts
    from, a file or the folder of a run.

    Each trial is kept as a row of the results file `output` as soon as it is done, by default
    NAME-replay.parquet. Trials that are there already are not run again, so a killed replay goes on, and
    results of several replays may share a file; `force` begins a new one. The test set is looked at after the
    last epoch, and every `evaluate_every` epochs where that is given.
    """
    _check_numbers(trials, jobs, evaluate_every)
    hyperparameters = with_epochs(hyperparameters, epochs)
    controls = _controls(against)
    fetches = is_remote(manifest)  # which is a task of its own
    with nullcontext() if fetches else progress.task("open", 1):
        if not fetches:
            progress.advance(0, trials=f"0 of {trials * (1 + len(controls))}")
        opened = open_any(manifest, progress)
    beside = {"freeze": freeze, "weights": weights, **(options or {})}
    path = output_path(output, _default_name(opened, model, hyperparameters, beside))
    if fetches:
        progress.note(recorded_in_words(opened))
    check_results(path, force)
    recorded = opened.header.options if opened.header.command == "train" else {}
    if model is None and weights is not None and "model" not in recorded:
        model, options = model_of_weights(weights, options, progress)
    named = model_for(opened, recorded.get("model"), model)
    is_recorded = named is not None and outside.called(named) == recorded.get("model")
    if options is None:
        options = recorded.get("model_options") if is_recorded else {}
    own = recorded_hyperparameters(opened) if is_recorded else {}
    overrides = overrides_in_replay(own, hyperparameters, opened, freeze)
    check_in_replay(hyperparameters_for(named or DEFAULT_MODEL, overrides), opened, freeze)
    first_seed = first_seed_for(opened) if seed is None else seed
    seeds = range(first_seed, first_seed + trials)
    shared = seeds_behind(opened) & set(seeds)
    if shared and seed is not None:
        progress.note(
            f"seed {min(shared)} was that of a training run behind this manifest: what judges a selection "
            "should not share its start and its order; leave out --seed"
        )
    if data is None and opened.header.dataset.vectors_only:
        raise CurateError(
            f"{opened.path} was made from vectors alone ({_reference(opened)}): to replay it, cluster them "
            "again with --data DATASET, which ties them to its samples"
        )
    if device is not None:
        check_device(device)
    _check_named(data, test)
    start = None if weights is None else weights_at(weights)
    how = opening_for(opened.header.dataset, opening or Options(), data)
    source = world.first_alone(
        lambda: open_recorded(opened.header.dataset, opened.path, data, opening or Options(), progress)
    )
    source.need_labels("replay")
    aligned, available, note = follow(opened, source)
    if note:
        progress.note(note)
    if jobs > 1 and not isinstance(aligned.images, ResidentImages):
        raise CurateError(f"jobs={jobs} needs the images in memory: leave out --stream, or use --jobs 1")
    test_data = world.first_alone(lambda: open_test(source, test or recorded_test(opened), how, progress))
    if test_data is None:
        raise CurateError(f"{source.reference} has no test set to replay against: name one with --test")
    asked = Replay(
        manifest=opened,
        source=source,
        aligned=aligned,
        available=available,
        test=test_data,
        model=named,
        options=options or {},
        hyperparameters=overrides,
        weights=start,
        device=device,
        names=["manifest", *controls],
        seeds=seeds,
        jobs=jobs,
        freeze=freeze,
        count_scoring=count_scoring,
        evaluate_every=evaluate_every,
        path=path,
        force=force,
    )
    with progress.task("start", 1):
        from curate.verbs.replay_trials import replay_trials  # torch, from here on

    return replay_trials(asked, progress)


def _check_numbers(trials: int, jobs: int, evaluate_every: int) -> None:
    if trials < 1:
        raise CurateError(f"trials={trials} is too few: use 1 or more")
    if jobs < 1:
        raise CurateError(f"jobs={jobs} is too few: use 1 or more")
    if evaluate_every < 0:
        raise CurateError(f"evaluate-every={evaluate_every} is too small: use 1 or more epochs")


def _default_name(
    manifest: Manifest, model: Any, hyperparameters: Mapping[str, Any], beside: Mapping[str, Any]
) -> str:
    """Where results are kept when the user does not say."""
    trained = "" if model is None else model_in_words(outside.called(outside.hand_in("models", model)))
    parts = [trained, *amount_and_more(hyperparameters, beside)]
    return f"{name_of(manifest.path.absolute().name, *parts)}-replay.parquet"


def _check_named(*datasets: str | Dataset | None) -> None:
    """Refuse names that are none of datasets, before any is opened."""
    for named in datasets:
        if isinstance(named, str):
            check_reference(named)


def _controls(against: str | Iterable[str]) -> list[str]:
    names = against.split(",") if isinstance(against, str) else against
    controls = list(dict.fromkeys(name.strip() for name in names if name.strip()))
    for name in controls:
        if name not in CONTROLS:
            raise CurateError(f"there is no control '{name}': {finder.nearest(name, CONTROLS)}")
    return controls


def _reference(manifest: Manifest) -> str:
    return str(manifest.header.dataset.reference)
