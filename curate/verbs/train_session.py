"""The session of a `train`: a network on the data, under a policy, written down as it goes.

What was asked has been checked before (train.py); all that needs torch is here.
"""

import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch

from curate import outside, world
from curate.artifacts.files import check_output_folder
from curate.artifacts.header import Header, make_header
from curate.artifacts.standing import note_standing, same_of, stands
from curate.data.dataset import Dataset, Options, recorded
from curate.errors import CurateError
from curate.manifests.manifest import open_manifest
from curate.networks import learner as learners
from curate.networks.learner import Learner
from curate.networks.model import Hyperparameters
from curate.progress import Progress
from curate.selection.session import Session, plan_session
from curate.selection.warm_up import warms_up
from curate.training.batches import Batches
from curate.training.beware import beware, beware_in_all
from curate.training.evaluate import evaluate
from curate.training.forecast import forecast
from curate.training.loop import Epoch, fit
from curate.training.outcome import Record, read_metrics, record_of
from curate.training.unfinished import Unfinished, being_finished, clear_left, unfinished_together
from curate.verbs.hyperparameters import hyperparameters_for, model_for
from curate.verbs.naming import origins
from curate.verbs.outcomes import SessionRow, identity_of
from curate.verbs.settled import on_device, say_what_was_chosen, within_memory
from curate.verbs.testing import open_test
from curate.verbs.train import TrainingResult, Wanted
from curate.verbs.train_written import METRICS, finish, keep_parts

_EVALUATIONS = 20
_EARLIER = ("manifest", "scores")
_TOLD_ELSEWHERE = ("recipe", "test", "test_fingerprint")  # in the identity of a row


@dataclass(frozen=True)
class _Session:
    """What is trained, as it was settled once data and device were there."""

    data: Dataset
    test: Dataset | None
    learner: Learner
    hyperparameters: Hyperparameters
    session: Session
    every: int  # epochs from test to test

    @property
    def n_epochs(self) -> int:
        return self.hyperparameters.n_epochs

    @property
    def n_presentations(self) -> int:
        """How many samples the run will see, as far as is known before."""
        return self.session.n_presentations or self.session.total(self.n_epochs)


def train_session(wanted: Wanted, data: Dataset, opening: Options, progress: Progress) -> TrainingResult:
    """Train as wanted, and write weights, metrics and manifest; see `curate.train`."""
    place = learners.choose_device(wanted.device)
    model = model_for(wanted.model, data)
    own = on_device(hyperparameters_for(model, wanted.hyperparameters), model, place)
    session, n_epochs = plan_session(wanted.plan, wanted.policy, len(data), own.n_epochs, wanted.asked)
    own = replace(own, n_epochs=n_epochs)
    test = world.first_alone(lambda: open_test(data, wanted.test, opening, progress))
    learner = learners.build(
        model,
        wanted.model_options,
        data,
        wanted.seed,
        place,
        precision=own.precision,
        weights=wanted.weights,
    )
    if wanted.weights is not None:
        progress.note(wanted.weights.in_words(learner.module))
    chosen = within_memory(own, wanted.hyperparameters, learner)
    every = wanted.evaluate_every or max(1, n_epochs // _EVALUATIONS)
    settled = _Session(data, test, learner, chosen, replace(session, trace=wanted.trace), every)
    header = _header(wanted, settled)
    key = {**header.to_json(), "evaluate_every": every, "test": test.fingerprint if test else None}
    path, kept, ranks = wanted.path, wanted.results, world.here()
    row = SessionRow(kept, _identity(header, settled) if kept else {}, data)
    ending = not wanted.fresh and being_finished(path, key)
    found = None if wanted.force or wanted.fresh or ending else row.found(path)
    if found:
        progress.note(f"{path} is there already, and its row in {kept}")
        return TrainingResult(open_manifest(path), read_metrics(path / METRICS), found)
    if kept is None and not (wanted.force or wanted.fresh or ending) and stands(path, key):
        records = read_metrics(path / METRICS)
        if [one.epoch for one in records if one.test_accuracy is not None] == _tests(settled):
            note_standing(path, progress)
            if ranks.rank == 0:
                clear_left(path)
            return TrainingResult(open_manifest(path), records)
    force = wanted.force or ending
    check_output_folder(path, force)
    ranks.agree({**same_of(header), "test": key["test"], "place": path})
    with unfinished_together(path, key, n_epochs, wanted.fresh, progress) as run:
        records, state = _run(wanted, settled, own, run, progress)

        def finished() -> TrainingResult:
            if ranks.rank:
                return TrainingResult(open_manifest(path), records, row.found(path))
            manifest = finish(path, header, run, records, state, data, learner, force)
            return TrainingResult(
                manifest, records, row.add(manifest, records, learners.weights_sha256(learner))
            )

        return world.first_alone(finished)


def _tests(settled: _Session) -> list[int]:
    """The epochs after which the test set is looked at, where there is one."""
    n, every = settled.n_epochs, settled.every
    return [epoch for epoch in range(n) if settled.test and ((epoch + 1) % every == 0 or epoch == n - 1)]


def _run(
    wanted: Wanted, settled: _Session, own: Hyperparameters, run: Unfinished, progress: Progress
) -> tuple[list[Record], dict[str, Any]]:
    """Train to the end, from where an earlier run was; the records of all epochs, and the last state."""
    state, records = _so_far(run, wanted.path, settled.n_epochs, progress)
    ranks = world.here()
    ranks.wait()  # until all have read it
    learner, data = settled.learner, settled.data
    augment = settled.hyperparameters.augment
    batches = Batches(data, learner, augment)
    test = Batches(settled.test, learner, augment) if settled.test else None
    n_seen = records[-1].samples_seen if records else 0
    left = settled.n_presentations - n_seen
    takes = forecast(learner, batches, data.present, settled.hyperparameters, left)
    say_what_was_chosen(learner, wanted.model, own, settled.hyperparameters, takes, progress)
    with progress.task(f"train {learner.model}", settled.n_presentations // ranks.size, "samples"):
        progress.advance(n_seen // ranks.size)
        for epoch in fit(
            learner,
            wanted.plan,
            batches,
            available=data.present,
            hyperparameters=settled.hyperparameters,
            seed=wanted.seed,
            session=settled.session,
            resume=state,
            ranks=ranks,
            progress=progress,
        ):
            last = epoch.epoch == settled.n_epochs - 1
            due = last or (epoch.epoch + 1) % settled.every == 0
            records.append(_tested(epoch, learner, test if due else None, len(data.classes)))
            keep_parts(run, epoch)
            run.add(asdict(records[-1]), epoch.state, last)
            state = epoch.state() if last else state
            progress.advance(0, **_live(records, settled.n_epochs))
            _note_all(beware(records, wanted.plan, settled.session), progress)
    _note_all(beware_in_all(records, wanted.plan, settled.session), progress)
    assert state is not None
    return records, state


def _header(wanted: Wanted, settled: _Session) -> Header:
    learner, chosen, session, test = (
        settled.learner,
        settled.hyperparameters,
        settled.session,
        wanted.test,
    )
    return make_header(
        "manifest",
        "train",
        {
            "model": learner.model,
            "model_options": learner.options,
            "policy": outside.called(wanted.policy),
            **origins(models=model_for(wanted.model, settled.data), policies=wanted.policy),
            "policy_options": wanted.policy_options,
            "session": {name: value for name, value in asdict(wanted.asked).items() if value is not None},
            **({"warm_up": _warm_up(session)} if warms_up(wanted.plan) else {}),
            **({"observes": session.observes} if session.observes != "nothing" else {}),
            **({"trace": True} if session.trace else {}),
            **({"start": wanted.weights.header()} if wanted.weights else {}),
            "recipe": {**asdict(chosen), "schedule": outside.called(chosen.schedule)},
            "test": None if test is None else recorded(test.reference if isinstance(test, Dataset) else test),
            **({"test_fingerprint": settled.test.fingerprint} if settled.test else {}),
        },
        seed=wanted.seed,
        dataset=settled.data.header(),
        parents=wanted.parents,
        device=learners.device_name(learner.device),
        n_threads=torch.get_num_threads(),
    )


def _identity(header: Header, settled: _Session) -> dict[str, Any]:
    """All that the row of a run depends on."""
    if settled.test is None:
        raise CurateError(
            f"{settled.data.reference} has no test set, and results need one: name one with --test"
        )
    options = {name: value for name, value in header.options.items() if name not in _TOLD_ELSEWHERE}
    of_policy = options["policy_options"].items()  # what it builds on is known by its seal, not by its place
    options["policy_options"] = {name: value for name, value in of_policy if name not in _EARLIER}
    return identity_of(
        {**options, "evaluate_every": settled.every, "parents": dict(header.parents)},
        data=settled.data,
        test=settled.test,
        model=options["model"],
        options=options["model_options"],
        hyperparameters=settled.hyperparameters,
        seed=header.seed,
        device=header.device,
        n_threads=header.n_threads,
    )


def _so_far(
    run: Unfinished, path: Path, n_epochs: int, progress: Progress
) -> tuple[dict[str, Any] | None, list[Record]]:
    """The state to go on from, and the records of the epochs before it."""
    state = run.resume(path)
    records = [Record(**record) for record in run.records]
    if records:
        progress.note(run.goes_on(records[-1].epoch, n_epochs))
    return state, records


def _tested(epoch: Epoch, learner: learners.Learner, test: Batches | None, n_classes: int) -> Record:
    """The record of an epoch, and of the test after it where one is due."""
    began = time.perf_counter()
    tested = evaluate(learner, test, n_classes, world.here()) if test else None
    return record_of(epoch, tested, time.perf_counter() - began)


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


def _warm_up(session: Session) -> dict[str, Any]:
    """How a session began, for its header."""
    draws = "random" if session.warm_up_k is None else "full"
    return {"n_epochs": session.warm_up_epochs, **({"draws": draws} if session.warm_up_epochs else {})}


def _note_all(texts: Iterable[str], progress: Progress) -> None:
    for text in texts:
        progress.note(text)
