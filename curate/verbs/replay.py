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
from curate.networks.model import DEFAULT_MODEL, Hyperparameters
from curate.progress import SILENT, Progress
from curate.selection.controls import MatchedRandom
from curate.selection.policy import Policy
from curate.sharing.opening import open_any
from curate.statistics import Difference, Spread, paired_difference, spread
from curate.training.optimizer import check_hyperparameters
from curate.training.trials import Laboratory, Setting, Trial, Wanted, trials_in_processes
from curate.verbs.naming import origins, output_path, stem
from curate.verbs.outcomes import identity_of, outcome_of_trial, trial_of
from curate.verbs.testing import open_test
from curate.verbs.train import hyperparameters_for, on_device

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


def replay(
    manifest: str | Path | Manifest,
    data: str | Dataset | None = None,
    *,
    model: Any = None,
    options: Mapping[str, Any] | None = None,
    hyperparameters: Mapping[str, Any] | None = None,
    trials: int = 3,
    against: Iterable[str] = (),
    opening: Options | None = None,
    test: str | Dataset | None = None,
    seed: int | None = None,
    device: str | None = None,
    jobs: int = 1,
    freeze: Literal["", "last"] = "",
    count_scoring: bool = True,
    evaluate_every: int = 0,
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
    is part of the seconds reported, unless `count_scoring` is false.

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
    named = _model_for(opened, recorded.get("model"), model)
    is_recorded = outside.called(named) == recorded.get("model")
    if options is None:
        options = recorded.get("model_options") if is_recorded else {}
    own = _recorded_hyperparameters(opened) if is_recorded else {}
    chosen = _hyperparameters(named, own, hyperparameters, opened, freeze)
    first_seed = _first_seed(opened) if seed is None else seed
    shared = _seeds_behind(opened) & set(range(first_seed, first_seed + trials))
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
        test or _followed(recorded.get("test"), "test"),
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
        differs_in=_differences(opened, outside.called(named), source),
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


def _controls(against: Iterable[str]) -> list[str]:
    controls = list(dict.fromkeys(name.strip() for name in against if name.strip()))
    for name in controls:
        if name not in CONTROLS:
            raise CurateError(f"there is no control '{name}': {finder.nearest(name, CONTROLS)}")
    return controls


def _hyperparameters(
    model: str, own: Mapping[str, Any], given: Mapping[str, Any] | None, manifest: Manifest, freeze: str
) -> Hyperparameters:
    """The hyperparameters of a replay; a dynamic manifest says how many epochs there are, for any model."""
    if freeze not in ("", "last"):
        raise CurateError(f"freeze={freeze} is unknown: use last, the selection of the last epoch")
    if freeze and manifest.is_static:
        raise CurateError(f"{manifest.path} is static, there is nothing to freeze: leave out --freeze")
    n_epochs = {} if manifest.is_static else {"n_epochs": manifest.n_epochs}
    chosen = hyperparameters_for(model, {**n_epochs, **own, **_given(given)})
    check_hyperparameters(chosen)
    if not (manifest.is_static or freeze) and chosen.n_epochs > manifest.n_epochs:
        raise CurateError(
            f"{manifest.path} records {manifest.n_epochs} epochs, this run has {chosen.n_epochs}: "
            f"use --epochs {manifest.n_epochs} or fewer, or --freeze last"
        )
    return chosen


def _model_for(manifest: Manifest, recorded: str | None, given: Any) -> str:
    """The model to train: the one given, else that of the manifest, where its name may be followed."""
    if given is not None:
        return outside.hand_in("models", given)
    if recorded is not None and not finder.is_ours("models", recorded):
        raise CurateError(
            f"{manifest.path} was trained with '{recorded}', which is not of curate, and a name in a "
            "manifest is not followed: name the model yourself with --model"
        )
    return recorded or DEFAULT_MODEL


def _seeds_behind(manifest: Manifest) -> set[int]:
    """The seeds of the training runs behind a manifest; scores have streams of their own."""
    steps = manifest.header.steps if manifest.header.command == "pruner" else manifest.header.lineage
    return {step.seed for step in steps if step.command in ("train", "pruner")}


def _first_seed(manifest: Manifest) -> int:
    """That of the session itself, which is followed to the same weights; else one that shares nothing."""
    if manifest.header.command == "train":
        return manifest.header.seed
    return max(_seeds_behind(manifest), default=-1) + 1


def _differences(manifest: Manifest, model: str, source: Dataset) -> list[str]:
    """How a replay differs from what the manifest was made with, where that is known."""
    texts = []
    behind = {str(step.options["model"]) for step in manifest.header.steps if "model" in step.options}
    if behind and model not in behind:
        texts.append(f"model {model}, selected by {' and '.join(sorted(behind))}")
    for name, text in (("image_size", "image size"), ("channels", "channels")):
        before, now = getattr(manifest.header.dataset, name), getattr(source.options, name)
        if before != now:
            texts.append(f"{text} {now or 'as in the data'}, selected at {before or 'as in the data'}")
    return texts


def _recorded_hyperparameters(manifest: Manifest) -> dict[str, Any]:
    """How the model of a session was trained; before there was a choice, bf16 was for GPUs."""
    formerly = {"precision": "fp32" if manifest.header.device == "cpu" else "auto"}
    recipe = manifest.header.options["recipe"]
    return {**formerly, **recipe, "schedule": _followed(recipe.get("schedule", "cosine"), "schedule")}


def _followed(name: Any, option: str) -> Any:
    """A name that was read in a manifest; one of code in a file is not followed."""
    if name is not None and outside.in_file(str(name)) is not None:
        raise CurateError(
            f"the manifest names {str(name)[:80]!r}, and code that a manifest names is not followed: name it "
            f"yourself with --{option}"
        )
    return name


def _given(hyperparameters: Mapping[str, Any] | None) -> dict[str, Any]:
    return {key: value for key, value in (hyperparameters or {}).items() if value is not None}


def _reference(manifest: Manifest) -> str:
    return str(manifest.header.dataset.reference)
