"""The trials of a replay: settled once the network is known, run, and kept row by row."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import torch

from curate import finder, outside, world
from curate.artifacts.header import cost_of
from curate.artifacts.results import Outcome, add_results, key_of, read_results
from curate.data.dataset import Dataset
from curate.manifests.manifest import Manifest
from curate.networks import learner as learners
from curate.networks.learner import Normalization
from curate.progress import Progress
from curate.selection.controls import MatchedRandom
from curate.selection.policy import Policy
from curate.training.outcome import Trial
from curate.training.trials import Laboratory, Setting, Wanted, trials_in_processes
from curate.verbs.hyperparameters import hyperparameters_for, model_for
from curate.verbs.naming import origins
from curate.verbs.outcomes import identity_of, outcome_of_trial, trial_of
from curate.verbs.replay import Replay, ReplayResult, Run
from curate.verbs.replay_setting import differences
from curate.verbs.settled import on_device, say_what_was_chosen, within_memory
from curate.world import World


def replay_trials(asked: Replay, progress: Progress) -> ReplayResult:
    """Run the trials that are not in the results file, and sum up all of them; see `curate.replay`."""
    setting, say = _setting(asked, progress)
    opened, path = asked.manifest, asked.path
    opened.selected(0)  # imports what reads it now, and not in the time of the first trial
    ranks = world.here()
    deals = ranks.size <= len(asked.seeds) * len(asked.names)  # else all train each trial
    n_threads = max(1, torch.get_num_threads() // (asked.jobs if deals else 1))
    device = learners.device_name(torch.device(setting.device))
    together = 1 if deals else ranks.size
    comparison = _Comparison(opened, asked.source, setting, asked.freeze, device, n_threads, together)
    wanted = [
        Wanted(name, comparison.policy(name), each, evaluate_every=asked.evaluate_every)
        for each in asked.seeds
        for name in asked.names
    ]
    keys = {(one.name, one.seed): comparison.key(one) for one in wanted}
    ranks.agree({**{f"{name}, seed {each}": key for (name, each), key in keys.items()}, "place": path})
    if asked.force and ranks.size > 1:
        world.first_alone(lambda: path.unlink(missing_ok=True))  # to which all add
    anew = asked.force and ranks.size == 1
    done = world.first_alone(lambda: _there(path, keys)) if not anew else {}
    ranks.wait()  # until all have looked
    missing = [one for one in wanted if (one.name, one.seed) not in done]
    n_found = len(done)
    if n_found:
        progress.note(f"{path} has {n_found} of {len(wanted)} trials already")
    mine = [missing[place] for place in world.dealt(len(missing))] if deals else missing
    n_presentations = sum(comparison.n_presentations(one.name) for one in mine)
    trials = _Trials(setting, mine, asked.jobs, world.ALONE if deals else ranks)
    if mine:
        say(takes=trials.forecast(n_presentations))
    with progress.task("replay", n_presentations // together, "samples"):
        for one, trial in trials.run(progress) if mine else ():
            done[one.name, one.seed] = trial
            if deals or ranks.rank == 0:
                add_results(path, [comparison.row(one, trial)], anew=anew and len(done) == 1)
    ranks.wait()
    done |= _there(path, keys) if ranks.size > 1 else {}
    seconds, samples_seen = cost_of(opened.header.lineage) if asked.count_scoring else (0.0, 0)
    model = outside.called(setting.model)
    return ReplayResult(
        path=path,
        n_found=n_found,
        manifest=str(opened.path),
        manifest_sha256=opened.header.sha256,
        dataset=asked.source.reference,
        model=model,
        hyperparameters=setting.hyperparameters,
        n_selected_per_epoch=comparison.n_selected_per_epoch,
        n=opened.n,
        device=comparison.device,
        n_threads=n_threads,
        jobs=asked.jobs,
        scoring_seconds=seconds,
        scoring_samples_seen=samples_seen,
        differs_in=differences(opened, model, asked.source, setting.weights),
        runs=[Run(name, [done[name, each] for each in asked.seeds]) for name in asked.names],
    )


def _there(path: Path, keys: Mapping[tuple[str, int], str]) -> dict[tuple[str, int], Trial]:
    """The trials that a results file has, of those with these keys."""
    there = {row.key: row for row in read_results(path)} if path.exists() else {}
    return {spot: trial_of(there[key]) for spot, key in keys.items() if key in there}


def _setting(asked: Replay, progress: Progress) -> tuple[Setting, Callable[..., None]]:
    """What all trials share, as the images and the device settle it; and how to say what that is."""
    place = learners.choose_device(asked.device)
    model = model_for(asked.model, asked.aligned)
    own = on_device(hyperparameters_for(model, asked.hyperparameters), model, place)
    plain = [0.5] * asked.aligned.images.shape[2]
    learner = learners.build(
        model, asked.options, asked.aligned, 0, place, Normalization(plain, plain), own.precision
    )
    chosen = within_memory(own, asked.hyperparameters, learner)
    say = partial(say_what_was_chosen, learner, asked.model, own, chosen, progress=progress)
    setting = Setting(
        data=asked.aligned,
        test=asked.test,
        model=model,
        options=asked.options,
        hyperparameters=chosen,
        device=str(place),
        available=asked.available,
        weights=asked.weights,
    )
    return setting, say


@dataclass(frozen=True)
class _Comparison:
    """A manifest beside its controls in one setting, whose data is `source` in the manifest's order."""

    manifest: Manifest
    source: Dataset
    setting: Setting
    freeze: str
    device: str
    n_threads: int
    world_size: int  # how many ranks train each trial

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
        what |= {"world_size": self.world_size} if self.world_size > 1 else {}
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


class _Trials:
    """Trials that are run one after another here, or several at once in processes of their own.

    Several `ranks` train each of them together.
    """

    def __init__(self, setting: Setting, wanted: Sequence[Wanted], jobs: int, ranks: World) -> None:
        self._setting, self._wanted, self._jobs = setting, wanted, jobs
        at_once = jobs > 1 and len(wanted) > 1 and ranks.size == 1
        self._laboratory = Laboratory(setting, ranks) if wanted and not at_once else None

    def forecast(self, n_presentations: float) -> str:
        """How long they take, where that is long and can be tried out here."""
        return self._laboratory.forecast(n_presentations) if self._laboratory else ""

    def run(self, progress: Progress) -> Iterator[tuple[Wanted, Trial]]:
        """The trials as they come to an end."""
        if self._laboratory is None:
            yield from trials_in_processes(self._setting, self._wanted, self._jobs, progress)
            return
        for one in self._wanted:
            yield one, self._laboratory.trial(one, progress)
