"""replay: train and test from a manifest, several trials, next to controls in the same process.

Every finished trial is a row in a results file, where the same command finds it again.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import torch

from curate import finder, outside
from curate.artifacts.header import cost_of
from curate.artifacts.results import Outcome, add_results, check_results, key_of, read_results
from curate.data.dataset import Dataset, Options, open_dataset, opening_for
from curate.data.images import ResidentImages
from curate.errors import CurateError
from curate.manifests.manifest import Manifest, follow
from curate.networks import learner as learners
from curate.networks.model import Hyperparameters
from curate.networks.weights import open_weights
from curate.progress import SILENT, Progress
from curate.selection.controls import MatchedRandom
from curate.selection.policy import Policy
from curate.sharing.opening import open_any
from curate.statistics import Difference, Spread, paired_difference, spread
from curate.training.trials import Laboratory, Setting, Trial, Wanted, trials_in_processes
from curate.verbs.hyperparameters import on_device
from curate.verbs.naming import origins, output_path, stem
from curate.verbs.outcomes import identity_of, outcome_of_trial, trial_of
from curate.verbs.replay_setting import (
    differences,
    first_seed_for,
    followed,
    hyperparameters_in_replay,
    model_for,
    recorded_hyperparameters,
    seeds_behind,
)
from curate.verbs.testing import open_test

CONTROLS = ("full", "random")


@dataclass(frozen=True)
class Run:
    """All trials of the manifest, or of one control."""

    name: str
    trials: list[Trial]

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
        other = next(run for run in self.runs if run.name == control)
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


def replay(
    manifest: str | Path | Manifest,
    data: str | Dataset | None = None,
    *,
    model: Any = None,
    options: Mapping[str, Any] | None = None,
    hyperparameters: Mapping[str, Any] | None = None,
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
    progress: Progress = SILENT,
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
    controls = _controls(against)
    opened = open_any(manifest, progress)
    path = output_path(output, f"{stem(opened.path.absolute().name)}-replay.parquet")
    check_results(path, force)
    recorded = opened.header.options if opened.header.command == "train" else {}
    named = model_for(opened, recorded.get("model"), model)
    is_recorded = outside.called(named) == recorded.get("model")
    if options is None:
        options = recorded.get("model_options") if is_recorded else {}
    own = recorded_hyperparameters(opened) if is_recorded else {}
    chosen = hyperparameters_in_replay(named, own, hyperparameters, opened, freeze)
    first_seed = first_seed_for(opened) if seed is None else seed
    shared = seeds_behind(opened) & set(range(first_seed, first_seed + trials))
    if shared and seed is not None:
        progress.note(
            f"seed {min(shared)} was that of a training run behind this manifest: what judges a selection "
            "should not share its start and its order; leave out --seed"
        )
    place = learners.choose_device(device)
    chosen = on_device(chosen, named, place)

    how = opening or Options()
    if data is None and opened.header.dataset.vectors_only:
        raise CurateError(
            f"{opened.path} was made from vectors alone ({_reference(opened)}): to replay it, cluster them "
            "again with --data DATASET, which ties them to its samples"
        )
    source = open_dataset(data or _reference(opened), opening_for(opened.header.dataset, how, data), progress)
    source.need_labels("replay")
    aligned, available, note = follow(opened, source)
    if note:
        progress.note(note)
    if jobs > 1 and not isinstance(aligned.images, ResidentImages):
        raise CurateError(f"jobs={jobs} needs the images in memory: leave out --stream, or use --jobs 1")
    test_data = open_test(
        source,
        test or followed(recorded.get("test"), "test"),
        opening_for(opened.header.dataset, how, data),
        progress,
    )
    if test_data is None:
        raise CurateError(f"{source.reference} has no test set to replay against: name one with --test")
    setting = Setting(
        data=aligned,
        test=test_data,
        model=named,
        options=options or {},
        hyperparameters=chosen,
        device=str(place),
        available=available,
        weights=None if weights is None else open_weights(weights),
    )
    opened.selected(0)  # imports what reads it now, and not in the time of the first trial
    n_threads = max(1, torch.get_num_threads() // jobs)
    names, seeds = ["manifest", *controls], range(first_seed, first_seed + trials)
    comparison = _Comparison(opened, source, setting, freeze, learners.device_name(place), n_threads)
    wanted = [
        Wanted(name, comparison.policy(name), each, evaluate_every=evaluate_every)
        for each in seeds
        for name in names
    ]
    there = {row.key: row for row in read_results(path)} if path.exists() and not force else {}
    keys = {(one.name, one.seed): comparison.key(one) for one in wanted}
    done = {spot: trial_of(there[key]) for spot, key in keys.items() if key in there}
    missing = [one for one in wanted if (one.name, one.seed) not in done]
    n_found = len(done)
    if n_found:
        progress.note(f"{path} has {n_found} of {len(wanted)} trials already")
    with progress.task("replay", sum(comparison.n_presentations(one.name) for one in missing), "samples"):
        for one, trial in _trials(setting, missing, jobs, progress):
            done[one.name, one.seed] = trial
            add_results(path, [comparison.row(one, trial)], anew=force and len(done) == 1)
    scoring_seconds, scoring_samples_seen = cost_of(opened.header.lineage) if count_scoring else (0.0, 0)
    return ReplayResult(
        path=path,
        n_found=n_found,
        manifest=str(opened.path),
        manifest_sha256=opened.header.sha256,
        dataset=source.reference,
        model=outside.called(named),
        hyperparameters=chosen,
        n_selected_per_epoch=comparison.n_selected_per_epoch,
        n=opened.n,
        device=comparison.device,
        n_threads=n_threads,
        jobs=jobs,
        scoring_seconds=scoring_seconds,
        scoring_samples_seen=scoring_samples_seen,
        differs_in=differences(opened, outside.called(named), source, setting.weights),
        runs=[Run(name, [done[name, each] for each in seeds]) for name in names],
    )


@dataclass(frozen=True)
class _Comparison:
    """A manifest beside its controls in one setting, whose data is `source` in the manifest's order."""

    manifest: Manifest
    source: Dataset
    setting: Setting
    freeze: str
    device: str
    n_threads: int

    @cached_property
    def sizes(self) -> list[int]:
        """How many samples each epoch has; one number where that never changes."""
        followed = [self.manifest.n_epochs - 1] if self.freeze else range(self.manifest.n_epochs)
        return [self.manifest.n_selected(epoch) for epoch in followed]

    @property
    def n_selected_per_epoch(self) -> float:
        return sum(self.sizes) / len(self.sizes)

    def policy(self, name: str) -> Policy:
        if name == "manifest":
            recorded = {"manifest": str(self.manifest.path), "freeze": self.freeze}
            return finder.make("policies", "recorded", recorded)
        return finder.make("policies", "full") if name == "full" else MatchedRandom(self.sizes)

    def n_presentations(self, name: str) -> int:
        """How many samples a run will see, for the progress bar."""
        n_epochs = self.setting.hyperparameters.n_epochs
        if name == "full":
            return len(self.setting.available) * n_epochs
        return self.sizes[0] * n_epochs if len(self.sizes) == 1 else sum(self.sizes[:n_epochs])

    def key(self, one: Wanted) -> str:
        """The key of a trial, by which it is found again."""
        return key_of({"command": "replay", **self._identity(one)})

    def row(self, one: Wanted, trial: Trial) -> Outcome:
        """A finished trial as a row of results."""
        ours = one.name == "manifest"
        n_available = len(self.setting.available)
        return outcome_of_trial(
            self._identity(one),
            trial,
            name=self.manifest.path.name if ours else one.name,
            data=self.source,
            manifest=self.manifest if ours else None,
            n_selected_per_epoch=n_available if one.name == "full" else self.n_selected_per_epoch,
        )

    def _identity(self, one: Wanted) -> dict[str, Any]:
        what: dict[str, Any] = {"control": one.name}
        if one.name == "manifest":
            what = {"manifest": self.manifest.header.sha256, "freeze": self.freeze}
        elif one.name == "random":
            what["sizes"] = self.sizes
        what |= origins(models=self.setting.model)
        what |= {"start": self.setting.weights.digest} if self.setting.weights else {}
        what |= {"aligned": self.setting.data.fingerprint, "n_available": len(self.setting.available)}
        return identity_of(
            what,
            data=self.source,
            test=self.setting.test,
            model=outside.called(self.setting.model),
            options=self.setting.options,
            hyperparameters=self.setting.hyperparameters,
            seed=one.seed,
            device=self.device,
            n_threads=self.n_threads,
        )


def _trials(
    setting: Setting, wanted: Sequence[Wanted], jobs: int, progress: Progress
) -> Iterator[tuple[Wanted, Trial]]:
    """Trials as they come to an end: one after another here, or several in processes of their own."""
    if jobs > 1 and len(wanted) > 1:
        yield from trials_in_processes(setting, wanted, jobs, progress)
    elif wanted:
        laboratory = Laboratory(setting)
        for one in wanted:
            yield one, laboratory.trial(one, progress)


def _check_numbers(trials: int, jobs: int, evaluate_every: int) -> None:
    if trials < 1:
        raise CurateError(f"trials={trials} is too few: use 1 or more")
    if jobs < 1:
        raise CurateError(f"jobs={jobs} is too few: use 1 or more")
    if evaluate_every < 0:
        raise CurateError(f"evaluate-every={evaluate_every} is too small: use 1 or more epochs")


def _controls(against: str | Iterable[str]) -> list[str]:
    names = against.split(",") if isinstance(against, str) else against
    controls = list(dict.fromkeys(name.strip() for name in names if name.strip()))
    for name in controls:
        if name not in CONTROLS:
            raise CurateError(f"there is no control '{name}': {finder.nearest(name, CONTROLS)}")
    return controls


def _reference(manifest: Manifest) -> str:
    return str(manifest.header.dataset.reference)
