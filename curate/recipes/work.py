"""The work of a task, as a worker does it: its verb, called with what the recipe says, into the store."""

import time
from collections.abc import Mapping
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from curate.artifacts.results import machine
from curate.data.dataset import Dataset, Options, open_dataset, opening_for
from curate.data.followed import check_followed
from curate.networks.model import DEFAULT_MODEL
from curate.progress import LOGGED
from curate.recipes.options import fields_of_opening, hyperparameters_of, verb_of
from curate.recipes.store import Store
from curate.recipes.task import Task


def carry_out(store: str, task: Task, parents: Mapping[str, Task], n_threads: int | None) -> float:
    """Do what a task says, unless the store has it by now; returns the seconds that it took."""
    place = Store(Path(store))
    with place.working_on(task):
        done = place.done(task)
        if done is not None:
            return done.seconds
        if n_threads is not None:
            _use_threads(n_threads)
        started = time.perf_counter()
        _VERBS.get(task.verb, _on_parent)(place, task, parents)
        seconds = time.perf_counter() - started
        place.finish(task, seconds, machine())
    return seconds


@lru_cache(maxsize=4)
def opened(reference: str, opening: Options) -> Dataset:
    """A dataset, opened once in a process for all the tasks that it comes to do."""
    return open_dataset(reference, opening)


@lru_cache(maxsize=4)
def _opened_test(reference: str, opening: Options, test: str | None) -> Dataset | None:
    from curate.verbs.testing import open_test

    return open_test(opened(reference, opening), test, opening, LOGGED)


def opening_of(options: Mapping[str, Any]) -> Options:
    """How a dataset is opened, from the options of a step."""
    return Options(**{_underscored(name): options[name] for name in fields_of_opening() if name in options})


@cache
def known_of(reference: str, opening: Options) -> tuple[str, int]:
    """What a plan needs of a dataset: its fingerprint, and how many samples it has."""
    data = opened(reference, opening)
    return data.fingerprint, len(data)


def _on_dataset(store: Store, task: Task, _: Mapping[str, Task]) -> None:
    """embed, or score by training."""
    data = opened(task.subject, opening_of(task.options))
    arguments = _arguments(task)
    if task.verb == "score":
        arguments.setdefault("model", DEFAULT_MODEL)
    verb_of(task.verb)(data, **arguments, seed=task.seed, output=store.output(task), force=True)


def _on_parent(store: Store, task: Task, parents: Mapping[str, Task]) -> None:
    """Cluster or select, on what a step before it made, or on a file."""
    subject = store.output(parents[""]) if "" in parents else Path(task.subject)
    verb_of(task.verb)(subject, **_arguments(task), seed=task.seed, output=store.output(task), force=True)


def _score(store: Store, task: Task, parents: Mapping[str, Task]) -> None:
    """score: by training, from a trace, from clusters or from an embedding."""
    if "" not in parents and not Path(task.subject).is_file():
        _on_dataset(store, task, parents)
        return
    score = verb_of("score")
    arguments = {**_arguments(task), "output": store.output(task), "force": True}
    if "" in parents and parents[""].verb == "train":
        score(trace=store.output(parents[""]), **arguments)
    else:
        score(store.output(parents[""]) if "" in parents else task.subject, **arguments)


def _train(store: Store, task: Task, parents: Mapping[str, Task]) -> None:
    opening, arguments = opening_of(task.options), _arguments(task)
    test = _opened_test(task.subject, opening, arguments.pop("test", None))
    if "from" in parents:
        arguments["from_"] = store.output(parents["from"])
    arguments.setdefault("model", DEFAULT_MODEL)
    arguments.setdefault("policy", "full")
    verb_of("train")(
        opened(task.subject, opening),
        **arguments,
        test=test,
        seed=task.seed,
        output=store.output(task),
        results=None if test is None else store.results(task),
    )


def _replay(store: Store, task: Task, parents: Mapping[str, Task]) -> None:
    """One trial of a manifest, on the dataset that it names."""
    from curate.manifests.manifest import open_manifest

    arguments = _arguments(task)
    manifest = open_manifest(store.output(parents[""]) if "" in parents else task.subject)
    recorded, named = manifest.header.dataset, arguments.pop("data", None)
    opening = opening_for(recorded, opening_of(task.options), named)
    if named is None:
        check_followed(recorded.reference, recorded.fingerprint, manifest.path)
    reference = named or recorded.reference
    test = _opened_test(reference, opening, arguments.pop("test", None))
    data = opened(reference, opening)
    if manifest.header.command != "train":  # which says how it was trained
        arguments.setdefault("model", DEFAULT_MODEL)
    verb_of("replay")(
        manifest, data, **arguments, test=test, trials=1, seed=task.seed, output=store.results(task)
    )


_VERBS = {"embed": _on_dataset, "score": _score, "train": _train, "replay": _replay}


def _arguments(task: Task) -> dict[str, Any]:
    """The options of a task as the arguments of its verb."""
    arguments: dict[str, Any] = {}
    options, trained, opening = {}, {}, {}
    for name, value in task.options.items():
        if name.startswith("set."):
            options[name.removeprefix("set.")] = value
        elif name in hyperparameters_of() and not (name == "epochs" and task.verb == "score"):
            trained["n_epochs" if name == "epochs" else _underscored(name)] = value
        elif name in fields_of_opening():
            opening[_underscored(name)] = value
        else:
            arguments["from_" if name == "from" else _underscored(name)] = value
    if options:
        arguments["options"] = options
    if trained:
        arguments["hyperparameters"] = trained
    if opening and task.verb in ("embed", "score", "train", "replay"):
        arguments["opening"] = Options(**opening)
    return arguments


def _underscored(name: str) -> str:
    return name.replace("-", "_")


def _use_threads(n_threads: int) -> None:
    """The threads of a task; FAISS and BLAS were told by the environment when the worker began."""
    import torch

    if torch.get_num_threads() != n_threads:
        torch.set_num_threads(n_threads)
