"""Scores by training: K models in step, a trace where one is needed, and a last look at all samples."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from curate import world
from curate.artifacts.files import check_output
from curate.artifacts.header import Cost, Header, make_header
from curate.artifacts.standing import note_standing, same_of, stands
from curate.artifacts.tables import Table, open_table
from curate.data.dataset import Dataset
from curate.data.identity import Indices
from curate.data.images import ResidentImages
from curate.errors import CurateError
from curate.networks import learner as learners
from curate.networks.learner import Learner
from curate.networks.model import Hyperparameters
from curate.networks.weights import Weights
from curate.progress import Progress
from curate.rng import stream_seed
from curate.scores.scorer import NetworkScorer, Scores
from curate.scores.trace import MOST_PLACES, Trace, write_part, write_trace
from curate.training.at_once import at_once, how_many, threads_each
from curate.training.batches import Batches
from curate.training.ensemble import fit_all, fits_side_by_side, pays_side_by_side
from curate.training.evaluate import evaluation_batch, own_batches
from curate.training.forecast import forecast
from curate.training.unfinished import Unfinished, trace_file
from curate.verbs.hyperparameters import model_for
from curate.verbs.naming import origins
from curate.verbs.score_over_ranks import Sharing
from curate.verbs.score_table import Methods, method_options, samples_of, write_scores
from curate.verbs.settled import on_device, say_what_was_chosen, within_memory
from curate.world import World

_RECORDED = ("epoch", "loss", "samples_seen", "seconds")


@dataclass(frozen=True)
class Training:
    """What to train: `n_models` of different seeds, for the first `n_epochs` epochs of a schedule."""

    model: str | None  # as the user named it
    model_options: Mapping[str, Any]
    hyperparameters: Hyperparameters
    overrides: Mapping[str, Any]
    n_models: int
    n_epochs: int
    side_by_side: bool | None
    device: str | None
    trace: Path | None
    weights: Weights | None = None


def score_from_training(
    data: Dataset,
    methods: Methods,
    training: Training,
    seed: int,
    path: Path,
    *,
    force: bool,
    fresh: bool,
    progress: Progress,
) -> Table:
    """Train, look, and write the scores; see `curate.score`."""
    sharing = Sharing(path, training.n_models)
    sharing.check(fresh)
    left = not fresh and sharing.is_unfinished()
    outputs = {path: "scores", **({training.trace: "trace"} if training.trace else {})}
    place = learners.choose_device(training.device)
    own = on_device(training.hyperparameters, model_for(training.model, data), place)
    seeds = [stream_seed(seed + number, "score") for number in range(training.n_models)]
    models = _models(replace(training, hyperparameters=own), data, seeds, place)
    first = models[0]
    training = replace(training, hyperparameters=within_memory(own, training.overrides, first))
    if training.weights:
        progress.note(training.weights.in_words(first.module))
    side_by_side = _side_by_side(training, sharing, first)
    n_at_once = _at_once(training, sharing, first, data)
    header = _header(methods, training, side_by_side, first, data, seed, place, threads_each(n_at_once))
    world.here().agree(same_of(header))
    if (table := _standing(outputs, header, sharing, force, fresh, left)) is not None:
        sharing.clear()
        note_standing(path, progress)
        return table
    from_trace = {name: scorer for name, scorer in methods.items() if scorer.reads[0] == "trace"}
    traces = bool(from_trace or training.trace)
    _check_size_of_trace(len(data) * training.n_models if traces else 0)
    mine = _Mine(
        models=[models[number] for number in sharing.mine],
        seeds=[seeds[number] for number in sharing.mine],
        side_by_side=side_by_side,
        n_at_once=n_at_once,
        ranks=sharing.trains_with,
    )
    key = {**header.to_json(), "trace": str(training.trace or traces)}
    with sharing.unfinished(key, training.n_epochs, fresh, progress) as run:
        state = run.resume(path)
        batches = Batches(data, first, training.hyperparameters.augment)
        shown = replace(training.hyperparameters, n_epochs=training.n_epochs)
        say = partial(say_what_was_chosen, first, training.model, own, shown)
        n_seen = _train(run, state, mine, training, batches, data.present, traces, say, progress)
        looking = {name: scorer for name, scorer in methods.items() if name not in from_trace}
        scores = sharing.joined(_look(run, looking, mine, batches, progress))
        seconds, n_seen = sharing.spent(run.records, n_seen)
        parts = [sharing.of_all(run, trace_file(epoch)) for epoch in range(training.n_epochs)]

        def written() -> Table:
            if world.here().rank:
                return open_table(path)
            done = Cost(seconds, n_seen, models_at_once=n_at_once)
            if traces:
                trace = _write_trace(run, parts, replace(header, cost=done), training, n_seen)
                started = time.perf_counter()
                scores.update({name: scorer.from_trace(trace) for name, scorer in from_trace.items()})
                done = replace(done, seconds=seconds + time.perf_counter() - started)
            in_order = {name: scores[name] for name in methods}
            costed = replace(header, cost=done)
            return write_scores(path, methods, in_order, samples_of(data), costed, force=True)

        return world.first_alone(written)


@dataclass(frozen=True)
class _Mine:
    """The models that this rank trains, by their seeds: side by side, so many at a time, or with `ranks`."""

    models: list[Learner]
    seeds: list[int]
    side_by_side: bool
    n_at_once: int
    ranks: World


def _train(
    run: Unfinished,
    state: dict[str, Any] | None,
    mine: _Mine,
    training: Training,
    batches: Batches,
    present: Indices,
    traces: bool,
    say: Callable[..., None],
    progress: Progress,
) -> int:
    """Train to the last epoch, on from where a run was; returns how many samples were seen in all."""
    epochs = [record for record in run.records if "epoch" in record]
    if epochs:
        progress.note(run.goes_on(epochs[-1]["epoch"], training.n_epochs))
    first = mine.models[0]
    mine.ranks.wait()  # until all have read it
    total = batches.n * len(mine.models) * training.n_epochs
    n_seen = epochs[-1]["samples_seen"] if epochs else 0
    takes = forecast(first, batches, present, training.hyperparameters, total - n_seen)
    say(takes, progress)
    size = mine.ranks.size
    with progress.task(f"train {len(mine.models)} x {first.model}", total // size, "samples"):
        progress.advance(n_seen // size)
        for done in fit_all(
            mine.models,
            batches,
            hyperparameters=training.hyperparameters,
            seeds=mine.seeds,
            n_epochs=training.n_epochs,
            side_by_side=mine.side_by_side,
            trace=traces,
            n_at_once=mine.n_at_once,
            progress=progress,
            resume=state,
            ranks=mine.ranks,
        ):
            if done.seen is not None:
                run.keep(trace_file(done.epoch), partial(write_part, epoch=done.epoch, models=done.seen))
            n_seen = done.samples_seen
            record = {name: getattr(done, name) for name in _RECORDED}
            run.add(record, done.state, done.epoch == training.n_epochs - 1)
            progress.advance(0, epoch=f"{done.epoch + 1}/{training.n_epochs}", loss=done.loss)
    return n_seen


def _at_once(training: Training, sharing: Sharing, learner: Learner, data: Dataset) -> int:
    """How many models train at the same time: as the user says, else as many as share the threads well."""
    is_open = training.side_by_side is None and isinstance(data.images, ResidentImages)
    n_models = -(-training.n_models // world.here().size)
    return how_many(learner, n_models) if is_open and sharing.trains_with.size == 1 else 1


def _standing(
    outputs: Mapping[Path, str],
    header: Header,
    sharing: Sharing,
    force: bool,
    fresh: bool,
    going_on: bool,
) -> Table | None:
    """The table where all outputs stand already; refuses what is something else.

    A run that was killed when they stood is finished again; of several, all were done by then.
    """
    ours = {path: stands(path, replace(header, kind=kind).to_json()) for path, kind in outputs.items()}
    if all(ours.values()) and not (force or fresh or (going_on and not sharing.deals)):
        return open_table(next(iter(outputs)))
    for path, is_ours in ours.items():
        check_output(path, force or (going_on and is_ours))  # written before it was killed: again
    return None


def _check_size_of_trace(n_places: int) -> None:
    if n_places > MOST_PLACES:
        raise CurateError(f"a trace holds {MOST_PLACES:,} samples times models at most: train fewer --models")


def _models(training: Training, data: Dataset, seeds: Sequence[int], place: torch.device) -> list[Learner]:
    """Untrained models, one for each seed."""
    normalization = learners.normalization_of(data)
    return [
        learners.build(
            model_for(training.model, data),
            training.model_options,
            data,
            seed,
            place,
            normalization,
            training.hyperparameters.precision,
            training.weights,
        )
        for seed in seeds
    ]


def _look(
    run: Unfinished,
    methods: Mapping[str, NetworkScorer],
    mine: _Mine,
    batches: Batches,
    progress: Progress,
) -> dict[str, Scores]:
    """Scores `[models, n]` by every method that looks at all samples with the trained networks."""
    if not methods:
        return {}
    names = [f"scores-{number:03d}.npy" for number in range(len(mine.models))]
    missing = [number for number, name in enumerate(names) if not run.has(name)]
    with (
        progress.task("score", batches.n // mine.ranks.size * len(missing), "samples"),
        at_once(mine.n_at_once, progress) as (each, shared),
    ):
        own = list(methods.values())
        look = partial(_pass, methods=own, batches=batches, ranks=mine.ranks, progress=shared)
        started = time.perf_counter()
        passes = each(look, [mine.models[number] for number in missing])
        for number, scores in zip(missing, passes, strict=True):
            run.keep(names[number], partial(np.save, arr=scores, allow_pickle=False))
            done = time.perf_counter()
            run.note({"model": number, "seconds": done - started})
            started = done
    mine.ranks.wait()  # until all are written
    by_model = [np.load(run.path(name), allow_pickle=False) for name in names]
    return {name: np.stack([scores[place] for scores in by_model]) for place, name in enumerate(methods)}


def _pass(
    learner: Learner,
    methods: Sequence[NetworkScorer],
    batches: Batches,
    ranks: World,
    progress: Progress,
) -> np.ndarray:
    """float64 `[methods, n]`: all samples in evaluation mode, without augmentation, in fixed batches."""
    learner.module.eval()
    size = evaluation_batch(learner)
    parts = [torch.empty((len(methods), 0), dtype=torch.float64, device=learner.device)]
    with torch.no_grad():
        for _, images, labels in batches.plain(own_batches(np.arange(batches.n), size, ranks), size):
            scores = [scorer.of_batch(learner, images, labels) for scorer in methods]
            parts.append(torch.stack(scores).double())
            progress.advance(len(labels))
    told = ranks.gather([torch.cat(parts, dim=1).cpu().numpy().ravel()])
    return np.concatenate([own.reshape(len(methods), -1) for (own,) in told], axis=1)


def _write_trace(
    run: Unfinished,
    parts: Sequence[Path | Sequence[Path]],
    header: Header,
    training: Training,
    samples_seen: int,
) -> Trace:
    """The trace of the run: where it was asked for, else among what is unfinished."""
    summary = {
        "n_epochs": training.n_epochs,
        "n_models": training.n_models,
        "samples_seen": samples_seen,
    }
    path = training.trace or run.path("trace.parquet")
    of_trace = replace(header, kind="trace", summary=summary)
    return write_trace(path, of_trace, parts, force=True)  # looked at before: it is ours, or there is none


def _side_by_side(training: Training, sharing: Sharing, learner: Learner) -> bool:
    """Whether to train the models as one computation: as the user says, else where it pays."""
    n_ranks = sharing.trains_with.size
    if training.side_by_side is None:
        return training.n_models > 1 and n_ranks == 1 and pays_side_by_side(learner)
    if training.side_by_side and n_ranks > 1:
        raise CurateError(
            f"{n_ranks} ranks train {training.n_models} models one by one: leave out --side-by-side, or "
            f"start {training.n_models} ranks or fewer"
        )
    if training.side_by_side and not fits_side_by_side(learner):
        raise CurateError(
            f"{learner.model} draws as it trains, or may, and is not trained side by side: use --one-by-one"
        )
    return training.side_by_side


def _header(
    methods: Methods,
    training: Training,
    side_by_side: bool,
    learner: Learner,
    data: Dataset,
    seed: int,
    place: torch.device,
    n_threads: int,
) -> Header:
    return make_header(
        "scores",
        "score",
        {
            **method_options(methods),
            "n_models": training.n_models,
            "n_epochs": training.n_epochs,
            "model": learner.model,
            "model_options": learner.options,
            **origins(models=model_for(training.model, data)),
            **({"start": training.weights.header()} if training.weights else {}),
            "recipe": asdict(training.hyperparameters),
            "side_by_side": side_by_side,
        },
        seed=seed,
        dataset=data.header(),
        device=learners.device_name(place),
        n_threads=n_threads,
    )
