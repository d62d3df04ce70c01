"""replay: train and test from a manifest, several trials, next to controls in the same process."""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from curate import finder
from curate import learner as learners
from curate.dataset import Dataset, Options, open_dataset, opening_for
from curate.errors import CurateError
from curate.manifest import Manifest, Selected, follow, open_manifest
from curate.network import Recipe
from curate.policies.full import Full
from curate.policies.recorded import Recorded
from curate.policy import Plan, Policy, View
from curate.progress import SILENT, Progress
from curate.rng import rng
from curate.statistics import Difference, Spread, paired_difference, spread
from curate.training.batches import Batches
from curate.training.evaluate import evaluate
from curate.training.loop import fit
from curate.verbs.train import open_test, recipe_for

CONTROLS = ("full", "random")
DEFAULT_MODEL = "basic-cnn"


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
class Run:
    """All trials of the manifest, or of one control."""

    name: str
    trials: list[Trial]

    def summary(self, field: str) -> Spread:
        """Mean, spread and median of one field of the trials."""
        return spread([getattr(trial, field) for trial in self.trials])


@dataclass(frozen=True)
class ReplayResult:
    """What a replay found. `runs[0]` is the manifest, the controls follow."""

    manifest: str
    dataset: str
    model: str
    recipe: Recipe
    n_selected_per_epoch: float
    n: int
    device: str
    runs: list[Run]

    def difference(self, control: str) -> Difference:
        """Test accuracy of the manifest minus that of a control, paired by seed."""
        other = next(run for run in self.runs if run.name == control)
        return paired_difference(
            [trial.accuracy for trial in self.runs[0].trials], [trial.accuracy for trial in other.trials]
        )

    def as_dict(self) -> dict[str, Any]:
        """Everything as plain JSON values."""
        plain = asdict(self)
        for run, described in zip(self.runs, plain["runs"], strict=True):
            described["accuracy"] = asdict(run.summary("accuracy"))
            described["worst_class"] = asdict(run.summary("worst_class"))
            if run is not self.runs[0]:
                described["manifest_minus_this"] = asdict(self.difference(run.name))
        return plain


@dataclass(frozen=True)
class MatchedRandom:
    """The control `random`: as many samples per epoch as the manifest, drawn uniformly.

    A static manifest is matched by one draw for the whole run, a dynamic one by a draw per epoch.
    """

    manifest: Manifest

    def plan(self, view: View) -> Plan:
        size = min(len(self.manifest.selected(view.epoch).indices), len(view.available))
        drawn = np.sort(view.rng.choice(view.available, size, replace=False))
        return Plan(Selected(drawn), view.n_epochs if self.manifest.is_static else 1)


def replay(
    manifest: str | Path | Manifest,
    data: str | Dataset | None = None,
    *,
    model: str | None = None,
    options: Mapping[str, Any] | None = None,
    recipe: Mapping[str, Any] | None = None,
    trials: int = 3,
    against: Iterable[str] = (),
    opening: Options | None = None,
    test: str | Dataset | None = None,
    seed: int | None = None,
    device: str | None = None,
    progress: Progress = SILENT,
) -> ReplayResult:
    """Train `trials` times on what a manifest selects and test after the last epoch.

    Model, recipe and first seed default to what the manifest records, else to basic-cnn, its recipe and
    0; trial t has seed + t. `against` names controls (`full`, `random`), which train in alternation with
    the manifest on the same seeds. A dataset that is not the manifest's is refused; a re-ordered or
    extended copy is followed by uid.
    """
    if trials < 1:
        raise CurateError(f"trials={trials} is too few: use 1 or more")
    controls = _controls(against)
    opened = manifest if isinstance(manifest, Manifest) else open_manifest(manifest)
    recorded = opened.header["options"] if opened.header["command"] == "train" else {}
    named = model or recorded.get("model") or DEFAULT_MODEL
    if options is None:
        options = recorded.get("model_options") if named == recorded.get("model") else {}
    own = recorded["recipe"] if named == recorded.get("model") else {}
    chosen = recipe_for(named, {**own, **_given(recipe)})
    first_seed = (opened.header["seed"] if recorded else 0) if seed is None else seed
    place = learners.choose_device(device)

    how = opening or Options()
    source = open_dataset(data or _reference(opened), opening_for(opened.header["dataset"], how, data), progress)
    source.need_labels("replay")
    aligned, available, said = follow(opened, source)
    if said:
        progress.note(said)
    test_data = open_test(source, test, opening_for(opened.header["dataset"], how, data), progress)
    if test_data is None:
        raise CurateError(f"{source.reference} has no test set to replay against: name one with --test")
    policies: dict[str, Policy] = {"manifest": Recorded(str(opened.path))}
    policies |= {name: Full() if name == "full" else MatchedRandom(opened) for name in controls}

    runs: dict[str, list[Trial]] = {name: [] for name in policies}
    sizes = [len(opened.selected(epoch).indices) for epoch in range(opened.n_epochs)]
    expected = sum(_presentations(name, sizes, len(available), chosen.n_epochs) for name in policies)
    prepared = _Prepared(aligned, test_data, available, named, options or {}, chosen, place)
    with progress.task("replay", expected * trials, "samples"):
        for trial in range(trials):
            for name, policy in policies.items():
                runs[name].append(prepared.trial(name, policy, first_seed + trial, progress))
    return ReplayResult(
        manifest=str(opened.path),
        dataset=source.reference,
        model=named,
        recipe=chosen,
        n_selected_per_epoch=sum(sizes) / len(sizes),
        n=opened.n,
        device=learners.device_name(place),
        runs=[Run(name, found) for name, found in runs.items()],
    )


class _Prepared:
    """What all trials of a replay share: data on the device, cut once."""

    def __init__(
        self,
        data: Dataset,
        test_data: Dataset,
        available: npt.NDArray[np.int64],
        model: str,
        options: Mapping[str, Any],
        recipe: Recipe,
        device: Any,
    ) -> None:
        self._data, self._available, self._recipe = data, available, recipe
        self._model, self._options, self._device = model, options, device
        first = learners.build(model, options, data, 0, device)
        self._normalization = first.normalization
        self._batches: Batches = Batches(data, first)
        self._test: Batches = Batches(test_data, first)

    def trial(self, name: str, policy: Policy, seed: int, progress: Progress) -> Trial:
        started = time.perf_counter()
        learner = learners.build(
            self._model, self._options, self._data, seed, self._device, self._normalization
        )
        select_seconds, samples_seen = 0.0, 0
        for epoch in fit(learner, policy, self._batches, self._available, self._recipe, seed, progress):
            select_seconds += epoch.select_seconds
            samples_seen = epoch.samples_seen
            progress.advance(0, run=name, seed=seed, epoch=epoch.epoch + 1, loss=epoch.loss)
        seconds = time.perf_counter() - started
        result = evaluate(learner, self._test, len(self._data.classes))
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


def _controls(against: Iterable[str]) -> list[str]:
    controls = list(dict.fromkeys(name.strip() for name in against if name.strip()))
    for name in controls:
        if name not in CONTROLS:
            raise CurateError(f"there is no control '{name}': {finder.nearest(name, CONTROLS)}")
    return controls


def _given(recipe: Mapping[str, Any] | None) -> dict[str, Any]:
    return {key: value for key, value in (recipe or {}).items() if value is not None}


def _reference(manifest: Manifest) -> str:
    return str(manifest.header["dataset"]["reference"])


def _presentations(name: str, sizes: Sequence[int], n_available: int, n_epochs: int) -> int:
    """How many samples a run will see, for the progress bar."""
    if name == "full":
        return n_available * n_epochs
    return sizes[0] * n_epochs if len(sizes) == 1 else sum(sizes[:n_epochs])
