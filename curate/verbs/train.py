"""train: train a model under a policy; leaves weights, metrics and the manifest of what was trained on."""

import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch

from curate import finder, outside
from curate.artifacts.files import check_output_folder
from curate.artifacts.header import Header, make_header
from curate.artifacts.results import Outcome, check_results
from curate.data.dataset import Dataset, Options, open_dataset, recorded
from curate.errors import CurateError
from curate.manifests.manifest import Manifest, open_manifest
from curate.networks import learner as learners
from curate.networks.model import DEFAULT_MODEL, Hyperparameters
from curate.networks.weights import Weights, open_weights
from curate.progress import SILENT, Progress
from curate.selection.budget import ask_about, in_shares
from curate.selection.policy import Policy
from curate.selection.precomputed import parents_of
from curate.selection.session import Asked, Session, check_combination, plan_session
from curate.selection.warm_up import warms_up
from curate.sharing.cache import is_remote
from curate.sharing.opening import open_any
from curate.training.batches import Batches
from curate.training.beware import beware, beware_in_all
from curate.training.evaluate import evaluate
from curate.training.loop import Epoch, fit
from curate.training.optimizer import check_hyperparameters
from curate.training.outcome import Record, read_metrics, record_of
from curate.training.unfinished import Unfinished, being_finished, unfinished
from curate.verbs.hyperparameters import hyperparameters_for, on_device
from curate.verbs.naming import keep_in_words, origins, output_path, share_out, stem
from curate.verbs.outcomes import SessionRow, identity_of
from curate.verbs.testing import open_test
from curate.verbs.train_written import METRICS, finish, keep_parts

_EVALUATIONS = 20
_EARLIER = ("manifest", "scores")


@dataclass(frozen=True)
class TrainingResult:
    """The manifest folder that `train` wrote, what happened in each epoch, and what it cost.

    `outcome` is its row of results, where those were asked for. A run that was found there, finished, has no
    seconds in its epochs.
    """

    manifest: Manifest
    epochs: list[Record]
    outcome: Outcome | None = None

    @property
    def select_seconds(self) -> float:
        """Seconds spent on selecting, passes over the losses included."""
        return sum(record.select_seconds for record in self.epochs)

    @property
    def train_seconds(self) -> float:
        """Seconds spent on training."""
        return sum(record.train_seconds for record in self.epochs)


def train(
    dataset: str | Dataset,
    model: Any = DEFAULT_MODEL,
    *,
    policy: Any = "full",
    keep: str | float | int | None = None,
    period: int | None = None,
    budget: str = "epochs",
    observe: str | None = None,
    adapt: float | None = None,
    trust: float | None = None,
    warm_up: str | float | int | None = None,
    class_floor: float | None = None,
    trace: bool = False,
    from_: str | Path | None = None,
    options: Mapping[str, Any] | None = None,
    hyperparameters: Mapping[str, Any] | None = None,
    opening: Options = Options(),
    test: str | Dataset | None = None,
    evaluate_every: int = 0,
    weights: str | Path | None = None,
    seed: int = 0,
    device: str | None = None,
    output: str | Path | None = None,
    results: str | Path | None = None,
    force: bool = False,
    fresh: bool = False,
    progress: Progress = SILENT,
) -> TrainingResult:
    """Train `model` on a dataset under a policy and write weights, metrics and manifest to a folder.

    A model is a name, `net.py:Net`, `torchvision:resnet50` or `timm:NAME`, or a class or function that makes
    an nn.Module, called with those of `n_channels` and `n_classes` that it takes, or an nn.Module, of which
    every run has a copy; a policy is a name,
    `file.py:Name`, a class or an instance.

    Every `period` epochs the policy selects `keep` of the samples (a fraction, a count, or two of them,
    `0.2:0.6`, for the first and the last checkpoint). A `budget` of `samples` stretches the run until as
    many samples are seen as full training would. `observe` says whose losses a policy looks at:
    `training`, those seen anyway, or `evaluation`, a pass over all samples; ema, epsilon-greedy and ucb go
    by the first unless they start as published. With `adapt` it only selects
    again when the rank correlation of the losses falls below that; with `trust`, all but that fraction,
    those of lowest AUM, are kept from it. The first `warm_up` of the run (epochs, or a share of it) draws its
    samples, since the losses of an untrained network say little but the class: a tenth by default, for
    policies that rank by losses, and 0 for the algorithm as published. A draw keeps within the budget, or
    takes everything: `0.1:full`. No class gets less than `class_floor` of its fair part at any checkpoint.
    With `trace`, what training sees of each sample is written,
    epoch by epoch, to trace.parquet, from which `score` makes scores.

    `from_` is the earlier artifact that a policy builds on: the manifest of recorded and always-random (a
    folder, or `hf:owner/name@v1`), the scores of the static ones. `options` are the model's and the policy's;
    `hyperparameters` override the model's own. The test set is the test split of the dataset, or `test`; it
    is looked at about 20 times along the run (`evaluate_every` epochs), and after the last epoch. `weights`
    is what the network starts from, a file or the folder of an earlier run; it is drawn otherwise. The same
    call gives the same bytes on the same machine, also where it was killed and called again: what is
    unfinished lies beside the output, and `fresh` drops it. With `results`, the run is also a row in that
    file, and a run that is there already, its folder standing, is not made again.
    """
    model, policy = outside.hand_in("models", model), outside.hand_in("policies", policy)
    model_options, policy_options = share_out(options or {}, [("models", model), ("policies", policy)])
    if from_ is not None:
        policy_options |= _earlier_option(policy, from_)
    plan: Policy = finder.make("policies", policy, _fetched(policy_options, progress))
    recorded_options = finder.settings(plan) | _on_the_hub(policy_options)
    chosen = hyperparameters_for(model, hyperparameters)
    asked = Asked(
        keep=None if keep is None else in_shares(keep),
        period=period,
        budget=budget,
        observe=observe,
        adapt=adapt,
        trust=trust,
        warm_up=None if warm_up is None else str(warm_up),
        class_floor=class_floor,
    )
    check_combination(plan, policy, asked)
    reference = dataset.reference if isinstance(dataset, Dataset) else dataset
    check_hyperparameters(chosen)
    path = output_path(output, default_name(reference, model, policy, keep))
    kept = None if results is None else Path(results)
    _check_outputs(path, kept, force, evaluate_every)
    parents = parents_of(finder.settings(plan))
    place = learners.choose_device(device)
    chosen = on_device(chosen, model, place)
    data = _to_learn_from(dataset, keep, opening, progress)
    session, n_epochs = plan_session(plan, policy, len(data), chosen.n_epochs, asked)
    session, chosen = replace(session, trace=trace), replace(chosen, n_epochs=n_epochs)
    every = evaluate_every or max(1, n_epochs // _EVALUATIONS)
    test_data = open_test(data, test, opening, progress)
    start = None if weights is None else open_weights(weights)
    learner = _network(model, model_options, data, seed, place, chosen.precision, start, progress)
    test_batches = Batches(test_data, learner) if test_data else None
    header = make_header(
        "manifest",
        "train",
        {
            "model": learner.model,
            "model_options": learner.options,
            "policy": outside.called(policy),
            **origins(models=model, policies=policy),
            "policy_options": recorded_options,
            "session": {name: value for name, value in asdict(asked).items() if value is not None},
            **({"warm_up": _warm_up(session)} if warms_up(plan) else {}),
            **({"observes": session.observes} if session.observes != "nothing" else {}),
            **({"trace": True} if trace else {}),
            **({"start": start.header()} if start else {}),
            "recipe": {**asdict(chosen), "schedule": outside.called(chosen.schedule)},
            "test": None if test is None else recorded(test.reference if isinstance(test, Dataset) else test),
        },
        seed=seed,
        dataset=data.header(),
        parents=parents,
        device=learners.device_name(place),
        n_threads=torch.get_num_threads(),
    )
    key = {**header.to_json(), "evaluate_every": every, "test": test_data.fingerprint if test_data else None}
    row = SessionRow(kept, _identity(header, chosen, data, test_data, every) if kept else {}, data)
    ending = kept is not None and being_finished(path, key)
    found = None if force or fresh or ending else row.found(path)
    if found:
        progress.note(f"{path} is there already, and its row in {kept}")
        return TrainingResult(open_manifest(path), read_metrics(path / METRICS), found)
    check_output_folder(path, force or ending)
    with unfinished(path, key, n_epochs, fresh, progress) as run:
        state, records = _so_far(run, path, n_epochs, progress)
        with progress.task(f"train {learner.model}", _presentations(session, n_epochs), "samples"):
            progress.advance(records[-1].samples_seen if records else 0)
            for epoch in fit(
                learner,
                plan,
                Batches(data, learner),
                available=data.present,
                hyperparameters=chosen,
                seed=seed,
                session=session,
                resume=state,
                progress=progress,
            ):
                last = epoch.epoch == n_epochs - 1
                due = test_batches is not None and (last or (epoch.epoch + 1) % every == 0)
                records.append(_tested(epoch, learner, test_batches if due else None, len(data.classes)))
                keep_parts(run, epoch)
                run.add(asdict(records[-1]), epoch.state, last)
                state = epoch.state() if last else state
                progress.advance(0, **_live(records, n_epochs))
                _note_all(beware(records, plan, session), progress)
        _note_all(beware_in_all(records, plan, session), progress)
        assert state is not None
        manifest = finish(path, header, run, records, state, data, learner, force or ending)
        outcome = row.add(manifest, records, learners.weights_sha256(learner))
    return TrainingResult(manifest, records, outcome)


def _to_learn_from(
    dataset: str | Dataset, keep: str | float | int | None, opening: Options, progress: Progress
) -> Dataset:
    """The dataset, with classes to tell apart; a keep that may be a slip is asked about."""
    data = open_dataset(dataset, opening, progress)
    data.need_classes()
    if keep is not None:
        ask_about(keep, len(data), len(data.classes), progress)
    return data


def _network(
    model: str,
    options: Mapping[str, Any],
    data: Dataset,
    seed: int,
    place: torch.device,
    precision: str,
    weights: Weights | None,
    progress: Progress,
) -> learners.Learner:
    learner = learners.build(model, options, data, seed, place, precision=precision, weights=weights)
    if weights is not None:
        progress.note(weights.in_words(learner.module))
    return learner


def _check_outputs(path: Path, results: Path | None, force: bool, evaluate_every: int) -> None:
    """Refuse, before any work, what cannot be written; a run with results may be there, finished."""
    if results is None:
        check_output_folder(path, force)
    else:
        check_results(results)
    if evaluate_every < 0:
        raise CurateError(f"evaluate-every={evaluate_every} is too small: use 1 or more epochs")


def _so_far(
    run: Unfinished, path: Path, n_epochs: int, progress: Progress
) -> tuple[dict[str, Any] | None, list[Record]]:
    """The state to go on from, and the records of the epochs before it."""
    state = run.resume(path)
    records = [Record(**record) for record in run.records]
    if records:
        progress.note(f"going on after epoch {records[-1].epoch + 1} of {n_epochs}")
    return state, records


def _tested(epoch: Epoch, learner: learners.Learner, test: Batches | None, n_classes: int) -> Record:
    """The record of an epoch, and of the test after it where one is due."""
    began = time.perf_counter()
    tested = evaluate(learner, test, n_classes) if test else None
    return record_of(epoch, tested, time.perf_counter() - began)


def _note_all(texts: Iterable[str], progress: Progress) -> None:
    for text in texts:
        progress.note(text)


def _identity(
    header: Header, hyperparameters: Hyperparameters, data: Dataset, test: Dataset | None, every: int
) -> dict[str, Any]:
    """All that the row of a run depends on."""
    if test is None:
        raise CurateError(f"{data.reference} has no test set, and results need one: name one with --test")
    options = {name: value for name, value in header.options.items() if name not in ("recipe", "test")}
    of_policy = options["policy_options"].items()  # what it builds on is known by its seal, not by its place
    options["policy_options"] = {name: value for name, value in of_policy if name not in _EARLIER}
    return identity_of(
        {**options, "evaluate_every": every, "parents": dict(header.parents)},
        data=data,
        test=test,
        model=options["model"],
        options=options["model_options"],
        hyperparameters=hyperparameters,
        seed=header.seed,
        device=header.device,
        n_threads=header.n_threads,
    )


def _warm_up(session: Session) -> dict[str, Any]:
    """How a session began, for its header."""
    draws = "random" if session.warm_up_k is None else "full"
    return {"n_epochs": session.warm_up_epochs, **({"draws": draws} if session.warm_up_epochs else {})}


def default_name(reference: str, model: str, policy: str, keep: str | float | int | None) -> str:
    """Where a run is written when the user does not say."""
    kept = "" if keep is None else f"-{keep_in_words(keep)}"
    return f"{stem(reference)}-{stem(model)}-{stem(policy)}{kept}"


def _earlier_option(policy: str, source: str | Path) -> dict[str, str]:
    """`--from` as the option of the policy that it stands for."""
    for name in finder.option_names(finder.load("policies", policy)):
        if name in _EARLIER:
            return {name: str(source)}
    raise CurateError(f"policy {policy} builds on nothing earlier: leave out --from")


def _on_the_hub(options: Mapping[str, Any]) -> dict[str, str]:
    """Those options of a policy that name a manifest on the Hub."""
    return {name: value for name, value in options.items() if name == "manifest" and is_remote(value)}


def _fetched(options: Mapping[str, Any], progress: Progress) -> dict[str, Any]:
    """The options of a policy, with a manifest on the Hub as the folder in which it was put."""
    remote = _on_the_hub(options)
    return {**options, **{name: str(open_any(value, progress).path) for name, value in remote.items()}}


def _presentations(session: Session, n_epochs: int) -> int:
    """How many samples a run will see, for the progress bar."""
    return session.n_presentations or session.total(n_epochs)


def _live(records: list[Record], n_epochs: int) -> dict[str, float | str]:
    """What the progress bar shows beside the rate and the time left."""
    now = records[-1]
    live: dict[str, float | str] = {
        "epoch": f"{now.epoch + 1}/{n_epochs}",
        "loss": now.train_loss,
        "seen": f"{now.samples_seen:,}",
        "kept": f"{now.n_selected:,}",
    }
    tests = [record.test_accuracy for record in records if record.test_accuracy is not None]
    if tests:
        live["test"] = f"{tests[-1]:.1%}"
    if now.changed is not None:
        live["changed"] = f"{now.changed:.0%}"
    return live
