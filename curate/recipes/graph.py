"""From a recipe to its graph: every step of every cell of the grid, as tasks.

A trial is a task of its own, so a grid spreads over as many processes as there are, and more trials can be
added later.
"""

import itertools
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from curate.errors import CurateError
from curate.finder import nearest
from curate.recipes.controls import UNTOLD, controls_of
from curate.recipes.schema import Recipe, Step
from curate.recipes.task import Fingerprint, Task, identified

MOST_TASKS = 100_000
_TRIED = ("train", "replay")  # the verbs that a trial is of
_UNVARIED = ("seed", "trials", "from")


@dataclass(frozen=True)
class _Cell:
    """A task, and what is known of the way to it.

    `chosen` are the values of the recipe that were taken, `seeds` those of the training runs behind it, and
    `options` those of all steps on the way, of which a label may tell.
    """

    task: Task
    chosen: Mapping[str, Any]
    seeds: frozenset[int]
    options: Mapping[str, Any]


def tasks_of(recipe: Recipe, fingerprint: Fingerprint, only: Sequence[str] = ()) -> dict[str, Task]:
    """All tasks of a recipe by id, each after its parents; of trials, a first seed before any second.

    `only` names steps: then it is those, what they build on, and their controls.
    """
    for name in only:
        if name not in recipe.steps:
            raise CurateError(f"{recipe.name} has no step '{name}': {nearest(name, recipe.steps)}")
    _refuse_too_many(recipe)
    grid = _Grid(recipe, fingerprint, only)
    tasks: dict[str, Task] = {}
    for name in _in_order(recipe, only or list(recipe.steps)):
        for cell in grid.fill(name):
            tasks.setdefault(cell.task.id, cell.task)
    for task in list(tasks.values()):
        for control in controls_of(task, tasks, recipe.controls):
            known = identified(control, fingerprint)
            tasks.setdefault(known.id, known)
    return _in_turn(tasks)


class _Grid:
    """The cells of every step, filled one step after another."""

    def __init__(self, recipe: Recipe, fingerprint: Fingerprint, only: Sequence[str]) -> None:
        self._recipe, self._fingerprint, self._only = recipe, fingerprint, only
        self._built_on = {name for step in recipe.steps.values() for name in references(step, recipe)}
        self._cells: dict[str, list[_Cell]] = {}

    def fill(self, name: str) -> list[_Cell]:
        """The cells of a step; those of the steps that it builds on are there."""
        step = self._recipe.steps[name]
        self._cells[name] = [
            cell
            for subject in step.subject
            for values in itertools.product(*step.options.values())
            for cell in self._of_line(step, subject, dict(zip(step.options, values, strict=True)))
        ]
        return self._cells[name]

    def _of_line(self, step: Step, subject: Any, written: Mapping[str, Any]) -> Iterator[_Cell]:
        """The cells of one line of the grid, on every cell of the steps that it names."""
        named = {"": subject, "from": written.get("from")}
        above = {key: self._cells[one] for key, one in named.items() if one in self._cells}
        for parents in itertools.product(*above.values()):
            chosen = _agreed(parent.chosen for parent in parents)
            if chosen is not None:
                yield from self._settled(
                    step, subject, written, dict(zip(above, parents, strict=True)), chosen
                )

    def _settled(
        self,
        step: Step,
        subject: Any,
        written: Mapping[str, Any],
        built: Mapping[str, _Cell],
        chosen: Mapping[str, Any],
    ) -> Iterator[_Cell]:
        """The same with every `$name` settled: as a parent chose it, else each of its values."""
        names = sorted({one[1:] for one in (subject, *written.values()) if is_value(one)} - set(chosen))
        for values in itertools.product(*(self._recipe.values[name] for name in names)):
            now = {**chosen, **dict(zip(names, values, strict=True))}
            options = {key: now[one[1:]] if is_value(one) else one for key, one in written.items()}
            meant = now[subject[1:]] if is_value(subject) else subject
            yield from self._trials(step, str(meant), options, built, now)

    def _trials(
        self,
        step: Step,
        subject: str,
        options: dict[str, Any],
        built: Mapping[str, _Cell],
        chosen: Mapping[str, Any],
    ) -> Iterator[_Cell]:
        """A cell for each seed."""
        trials, first = int(options.pop("trials", 1)), int(options.pop("seed", 0))
        if trials < 1:
            raise CurateError(f"[{step.name}] trials={trials} is too few: use 1 or more")
        varied = self._varied(step, subject, options, built)
        every = {name: value for cell in built.values() for name, value in cell.options.items()}
        every |= {name.removeprefix("set."): value for name, value in options.items()}
        tried = self._is_tried(step)
        behind = frozenset(itertools.chain.from_iterable(cell.seeds for cell in built.values()))
        for seed in range(first, first + trials):
            if tried and seed in behind:
                raise CurateError(
                    f"[{step.name}] seed {seed} was that of a training run that it builds on: what judges a "
                    "selection shares no seed with what made it; give one of them another seed"
                )
            task = Task(
                step=step.name,
                verb=step.verb,
                subject="" if "" in built else subject,
                options={key: value for key, value in options.items() if key not in built},
                parents={key: cell.task.id for key, cell in built.items()},
                seed=seed,
                label=_label(step, varied, every) if tried else "",
                varied=varied,
            )
            trained = {seed} if step.verb == "train" else set()
            yield _Cell(identified(task, self._fingerprint), chosen, behind | trained, every)

    def _is_tried(self, step: Step) -> bool:
        """Whether a step's tasks are trials: not an unlabelled training run that others build on."""
        is_earlier = step.verb == "train" and step.name in self._built_on and not step.label
        return step.verb in _TRIED and not is_earlier and (not self._only or step.name in self._only)

    def _varied(
        self, step: Step, subject: str, options: Mapping[str, Any], built: Mapping[str, _Cell]
    ) -> dict[str, Any]:
        """The options that have several values, here and above; and what is kept, in any case."""
        varied: dict[str, Any] = {}
        for cell in built.values():
            varied |= cell.task.varied
        if "" not in built and len(expanded(step.subject, self._recipe)) > 1:
            varied["data"] = subject
        for name, value in options.items():
            several = len(expanded(step.options[name], self._recipe)) > 1
            if name == "keep" or (several and name not in _UNVARIED):
                varied[name.removeprefix("set.")] = value
        return varied


def is_value(one: Any) -> bool:
    """Whether something stands for one of the recipe's own values."""
    return isinstance(one, str) and one.startswith("$")


def expanded(grid: Iterable[Any], recipe: Recipe) -> list[Any]:
    """The values of an option, with those that a `$name` stands for."""
    return [each for one in grid for each in (recipe.values[one[1:]] if is_value(one) else (one,))]


def references(step: Step, recipe: Recipe) -> list[str]:
    """The steps that a step builds on."""
    named = (*step.subject, *step.options.get("from", ()))
    return [one for one in named if isinstance(one, str) and one in recipe.steps]


def n_cells(recipe: Recipe) -> dict[str, int]:
    """How many cells each step has at most; worked out without making them."""
    known: dict[str, int] = {}

    def count(step: Step, above: tuple[str, ...]) -> int:
        if step.name in known or step.name in above:
            return known.get(step.name, 1)
        own = [len(expanded(grid, recipe)) for grid in (step.subject, *step.options.values())]
        trials = [int(one) for one in expanded(step.options.get("trials", ()), recipe)]
        parents = [count(recipe.steps[name], (*above, step.name)) for name in references(step, recipe)]
        known[step.name] = math.prod(own) * max(parents, default=1) * max(trials, default=1)
        return known[step.name]

    for step in recipe.steps.values():
        count(step, ())
    return known


def _refuse_too_many(recipe: Recipe) -> None:
    sizes = n_cells(recipe)
    if sum(sizes.values()) > MOST_TASKS:
        largest = max(sizes, key=lambda name: sizes[name])
        raise CurateError(
            f"{recipe.name} is a grid of {sum(sizes.values()):,} cells, most of them in [{largest}]: "
            f"{MOST_TASKS:,} are the most; give fewer values, or make several recipes of it"
        )


def _in_order(recipe: Recipe, names: Sequence[str]) -> list[str]:
    """The steps named, and those that they build on before them; a circle is an error."""
    order: list[str] = []

    def put(name: str, above: tuple[str, ...]) -> None:
        if name in above:
            circle = " -> ".join([*above[above.index(name) :], name])
            raise CurateError(f"{recipe.name}: steps build on each other in a circle, {circle}")
        for before in references(recipe.steps[name], recipe):
            put(before, (*above, name))
        if name not in order:
            order.append(name)

    for name in names:
        put(name, ())
    return order


def _agreed(choices: Iterable[Mapping[str, Any]]) -> dict[str, Any] | None:
    """What several parents chose, together; None where they chose differently."""
    result: dict[str, Any] = {}
    for name, value in (item for choice in choices for item in choice.items()):
        if result.setdefault(name, value) != value:
            return None
    return result


def _label(step: Step, varied: Mapping[str, Any], options: Mapping[str, Any]) -> str:
    """What the trials of a cell are called: as the recipe says, else by the step and what is varied."""
    if not step.label:
        told = [f"{name} {value}" for name, value in varied.items() if name not in UNTOLD]
        return ", ".join([step.name, *told])
    try:
        return step.label.format(**{**options, **varied})
    except (KeyError, IndexError, ValueError):
        known = " ".join(f"{{{name}}}" for name in {**options, **varied}) or "nothing"
        raise CurateError(
            f'[{step.name}] label "{step.label}" asks for what is no option here: it can say {known}'
        ) from None


def _in_turn(tasks: Mapping[str, Task]) -> dict[str, Task]:
    """Tasks after their parents, trials by seed."""
    ordered: dict[str, Task] = {}

    def put(task: Task) -> None:
        for parent in task.parents.values():
            put(tasks[parent])
        ordered.setdefault(task.id, task)

    for task in sorted(tasks.values(), key=lambda task: (task.is_trial, task.seed)):
        put(task)
    return ordered
