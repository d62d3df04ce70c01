"""run: carry out a recipe, as far as it is not done yet, and keep the results of its trials in one table."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from curate.artifacts.header import canonical
from curate.artifacts.results import Outcome, check_results, key_of, write_results
from curate.errors import CurateError
from curate.recipes.estimate import Estimate
from curate.recipes.graph import tasks_of
from curate.recipes.reading import read_text
from curate.recipes.schema import Recipe, check
from curate.recipes.store import Store, check_store
from curate.recipes.task import Task
from curate.recipes.work import carry_out, known_of, opening_of
from curate.recipes.workers import Workers, at_work, cluster, processes
from curate.verbs.naming import public

STORE = "curate-store"
_LOSSES = 1  # of a worker, that are forgiven a task


@dataclass(frozen=True)
class Plan:
    """A recipe, its tasks by id, which of them are done, and what the others will take in seconds, or None.

    `unknown_data` says of each dataset that could not be opened why.
    """

    recipe: Recipe
    tasks: Mapping[str, Task]
    done: frozenset[str]
    seconds: Mapping[str, float | None]
    unknown_data: Sequence[str] = ()

    @property
    def trials(self) -> list[Task]:
        """The tasks that are rows of the results."""
        return [task for task in self.tasks.values() if task.is_trial]

    def seconds_left(self, n_at_once: int) -> tuple[float, int]:
        """Seconds until all is done, of the tasks whose time is known, and how many others there are."""
        left = [self.seconds[id_] for id_ in self.tasks if id_ not in self.done]
        known = [each for each in left if each is not None]
        return sum(known) / n_at_once, len(left) - len(known)


@dataclass
class State:
    """A run as it goes: what a view of it shows."""

    plan: Plan
    n_at_once: int
    done: set[str] = field(default_factory=set)
    running: dict[str, float] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    outcomes: dict[str, Outcome] = field(default_factory=dict)

    @property
    def rows(self) -> list[Outcome]:
        """The rows of the trials that are done, in order of the plan."""
        return [self.outcomes[task.id] for task in self.plan.trials if task.id in self.outcomes]

    @property
    def waiting(self) -> int:
        """Tasks that have not begun."""
        return len(self.plan.tasks) - len(self.done) - len(self.running) - len(self.failed)


Watch = Callable[[State], None]


@dataclass(frozen=True)
class RunResult:
    """What a run left: the results file, its rows, and the tasks that failed with the reason, by id."""

    path: Path
    plan: Plan
    rows: list[Outcome]
    failed: Mapping[str, str]


def plan(
    recipe: str | Path,
    *,
    profile: str | None = None,
    values: Mapping[str, Any] | None = None,
    only: Sequence[str] = (),
    store: str | Path = STORE,
    missing_data: bool = False,
) -> Plan:
    """The plan of a recipe: its tasks, which are done, and an estimate of the others.

    With `missing_data`, a dataset that cannot be opened is planned with all the same, and named in the plan.
    """
    checked = check(read_text(recipe, profile), values)
    unknown: dict[str, str] = {}

    def fingerprint(reference: str, opening: Mapping[str, Any]) -> str:
        if reference in unknown:
            return f"unknown: {reference}"
        try:
            return known_of(reference, opening_of(opening))[0]
        except CurateError as problem:
            if not missing_data:
                raise
            unknown[reference] = str(problem)
            return f"unknown: {reference}"

    tasks = tasks_of(checked, fingerprint, only)
    place = Store(Path(store))
    done = {id_: found for id_, task in tasks.items() if (found := place.done(task)) is not None}
    estimate = Estimate(place.finished())
    sizes = {id_: None if unknown else _n_samples(task, tasks) for id_, task in tasks.items()}
    seconds = {
        id_: done[id_].seconds if id_ in done else estimate.seconds(task, tasks, sizes[id_])
        for id_, task in tasks.items()
    }
    return Plan(checked, tasks, frozenset(done), seconds, tuple(dict.fromkeys(unknown.values())))


def run(
    recipe: str | Path,
    *,
    profile: str | None = None,
    values: Mapping[str, Any] | None = None,
    only: Sequence[str] = (),
    jobs: int = 1,
    scheduler: str | None = None,
    store: str | Path = STORE,
    output: str | Path | None = None,
    watch: Watch = lambda state: None,
) -> RunResult:
    """Carry out a recipe and return its results; a step that the store has is not done again.

    `recipe` is a file, or the name of one that comes with curate; `values` replace those of its table of that
    name. Tasks go to `jobs` processes of this machine, or to the workers of a Dask `scheduler`, which must
    see the same files. A task that fails leaves out what builds on it, and the others go on. Every trial that
    is done is a row of `output`, by default NAME.parquet; a killed run goes on where it was.
    """
    path = Path(output) if output is not None else Path(f"{_stem(recipe, profile)}.parquet")
    check_results(path)
    check(read_text(recipe, profile), values)
    check_store(Path(store))
    planned = plan(recipe, profile=profile, values=values, only=only, store=store)
    place = Store(Path(store).absolute())
    where: AbstractContextManager[Workers] = cluster(scheduler) if scheduler else processes(jobs)
    with where as workers:
        state = State(planned, workers.n_at_once, set(planned.done))
        state.outcomes = {task.id: _row(task, place) for task in planned.trials if task.id in planned.done}
        about = _about(planned.recipe, profile, values)
        write_results(path, state.rows, about)
        watch(state)
        for id_ in _carried_out(state, place, workers, watch):
            state.outcomes[id_] = _row(planned.tasks[id_], place)
            write_results(path, state.rows, about)
            watch(state)
    return RunResult(path, planned, state.rows, state.failed)


def _carried_out(state: State, store: Store, workers: Workers, watch: Watch) -> Iterator[str]:
    """Do all tasks that can be done, in order; yields each trial that is finished.

    A task whose worker was lost is tried again, alone, so that a second loss is its own.
    """
    tasks = state.plan.tasks
    losses = dict.fromkeys(tasks, 0)
    running: dict[Future[float], str] = {}
    while True:
        for id_ in _ready(state, set(running.values())):
            suspects = any(losses[one] for one in running.values())
            if len(running) >= workers.n_at_once or suspects or (losses[id_] and running):
                break
            running[_submit(tasks[id_], tasks, store, workers)] = id_
            state.running[id_] = time.monotonic()
        if not running:
            return
        watch(state)
        ended, others = wait(running, timeout=1.0, return_when=FIRST_COMPLETED)
        lost = [future for future in ended if isinstance(future.exception(), workers.lost)]
        if lost and workers.another is not None:
            ended |= wait(others).done  # they end with the executor
        for future in ended:
            id_ = running.pop(future)
            del state.running[id_]
            losses[id_] += isinstance(future.exception(), workers.lost)
            _settle(future, id_, state, losses[id_], workers)
            if id_ in state.done and tasks[id_].is_trial:
                yield id_
        if lost:
            workers.renew()


def _submit(task: Task, tasks: Mapping[str, Task], store: Store, workers: Workers) -> "Future[float]":
    parents = {option: tasks[parent] for option, parent in task.parents.items()}
    arguments = (carry_out, str(store.folder), task, parents, workers.n_threads)
    return workers.executor.submit(at_work, *arguments)


def _settle(future: "Future[float]", id_: str, state: State, losses: int, workers: Workers) -> None:
    """Note how a task ended; one whose worker was lost for the first time is not at an end."""
    problem = future.exception()
    if problem is None:
        state.done.add(id_)
    elif isinstance(problem, InterruptedError | KeyboardInterrupt):
        raise KeyboardInterrupt
    elif isinstance(problem, workers.lost):
        if losses > _LOSSES:
            state.failed[id_] = f"its worker was lost {losses} times: does it need more memory?"
    elif isinstance(problem, CurateError):
        state.failed[id_] = str(problem)
    elif isinstance(problem, OSError):
        state.failed[id_] = f"{problem.strerror or problem} ({problem.filename or 'no file'})"
    else:
        state.failed[id_] = f"unexpected {type(problem).__name__} ({' '.join(str(problem).split())[:200]})"


def _ready(state: State, running: set[str]) -> Iterator[str]:
    """The tasks that can begin, in order; what builds on a failed one fails."""
    for id_, task in state.plan.tasks.items():
        if id_ in state.done or id_ in running or id_ in state.failed:
            continue
        broken = next((parent for parent in task.parents.values() if parent in state.failed), None)
        if broken is not None:
            state.failed[id_] = f"builds on {name_of(state.plan.tasks[broken])}, which failed"
        elif all(parent in state.done for parent in task.parents.values()):
            yield id_


def name_of(task: Task) -> str:
    """What a task is called in messages: its step, and what is varied."""
    told = [f"{name} {value}" for name, value in task.varied.items()]
    return ", ".join([f"[{task.step}]", *told, *([f"seed {task.seed}"] if task.is_trial else [])])


def _row(task: Task, store: Store) -> Outcome:
    """The row of a trial that is done, named as the recipe does."""
    found = store.done(task)
    if found is None or found.outcome is None:
        raise CurateError(f"{store.place(task)} has lost its row: remove that folder, and it is made again")
    varied = canonical({name: _shown(value) for name, value in task.varied.items()}).decode()
    return replace(
        found.outcome,
        key=key_of({"task": task.id}),
        name=task.label,
        varied=varied,
        dataset=public(found.outcome.dataset),
    )


def _about(recipe: Recipe, profile: str | None, given: Mapping[str, Any] | None) -> dict[str, Any]:
    """What a results file says of its recipe."""
    steps = {
        name: {step.verb: list(step.subject), **{key: list(grid) for key, grid in step.options.items()}}
        for name, step in recipe.steps.items()
    }
    return {
        "recipe": recipe.name,
        "profile": profile,
        "given": {name: _shown(value) for name, value in (given or {}).items()},
        "title": recipe.title,
        "about": recipe.about,
        "report": dict(recipe.report),
        "steps": steps,
    }


def _shown(value: Any) -> Any:
    """A value that was given, without places on this machine."""
    if isinstance(value, list):
        return [_shown(one) for one in value]
    is_place = isinstance(value, str) and value.startswith(("/", "./", "../", "~"))
    return public(value) if is_place else value


def _n_samples(task: Task, tasks: Mapping[str, Task]) -> int | None:
    """How many samples the dataset of a task has; None where an artifact from before stands for it."""
    while "" in task.parents:
        task = tasks[task.parents[""]]
    if task.verb not in ("embed", "score", "train"):
        return None
    return known_of(task.subject, opening_of(task.options))[1]


def _stem(recipe: str | Path, profile: str | None) -> str:
    name = Path(recipe).name.removesuffix(".toml")
    return f"{name}-{profile}" if profile else name
