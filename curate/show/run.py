"""A run on the terminal: its plan as a tree, how far it is, and its table."""

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from curate.artifacts.results import Outcome
from curate.recipes.comparison import Comparison, verdicts
from curate.recipes.run import Plan, RunResult, State, name_of
from curate.show import talk
from curate.show.tables import budget_text, percent

_FIRST = 12  # lines of failures that are shown
_SHOWN = 8  # running tasks that are named
_NAMES, _COLUMN = 24, 16  # columns of the table


def print_list(names: Sequence[str], console: Console, as_json: bool) -> None:
    """The recipes that come with curate, with their titles."""
    from curate.recipes.reading import read_text

    titles = {name: str(read_text(name).tables.get("title", "")) for name in names}
    if as_json:
        talk.json_object(titles)
        return
    for name, title in titles.items():
        console.print(Text.assemble((name, "bold"), "  ", title))


def print_plan(plan: Plan, jobs: int, console: Console, as_json: bool) -> None:
    """The steps of a recipe with how many tasks each has, how many are done, and what the rest will take."""
    if as_json:
        tasks = [
            {**asdict(task), "done": task.id in plan.done, "seconds": plan.seconds[task.id]}
            for task in plan.tasks.values()
        ]
        talk.json_object(
            {"recipe": plan.recipe.name, "tasks": tasks, "seconds_left": plan.seconds_left(jobs)[0]}
        )
        return
    tree = Tree(Text(plan.recipe.title, style="bold"))
    shown: dict[str, Tree] = {}
    for task in plan.tasks.values():
        if task.step in shown:
            continue
        above = shown.get(plan.tasks[task.parents[""]].step, tree) if "" in task.parents else tree
        shown[task.step] = above.add(_step_line(plan, task.step))
    console.print(tree)
    left, n_unknown = plan.seconds_left(jobs)
    takes = f"; with --jobs {jobs}, the others take about {_duration(left)}" if left else ""
    takes += f", and {n_unknown:,} of which the time is not known yet" if n_unknown else ""
    console.print(
        Text(
            f"{len(plan.tasks):,} steps, {len(plan.trials):,} of them trials; "
            f"{len(plan.done):,} are done{takes}."
        )
    )
    for text in plan.unknown_data:
        talk.say(f"not at hand: {text}")


def _step_line(plan: Plan, step: str) -> Text:
    own = [task for task in plan.tasks.values() if task.step == step]
    done = sum(task.id in plan.done for task in own)
    known = [
        seconds for task in own if (seconds := plan.seconds[task.id]) is not None and task.id not in plan.done
    ]
    takes = f", about {_duration(sum(known))} of work left" if known else ""
    verb = "control" if step not in plan.recipe.steps else own[0].verb
    varied: dict[str, dict[str, None]] = {}
    for task in own:
        for name, value in task.varied.items():
            varied.setdefault(name, {})[str(value)] = None
    grid = "; ".join(f"{name} {', '.join(values)}" for name, values in varied.items())
    return Text.assemble(
        (step, "bold"),
        f" ({verb}) {len(own):,} steps, {done:,} done{takes}",
        (f"  {grid}" if grid else "", "dim"),
    )


@contextmanager
def view() -> Iterator[Callable[[State], None]]:
    """Shows a run as it goes, on a terminal; elsewhere a line for every twentieth part."""
    if not sys.stderr.isatty():
        yield _Lines()
        return
    with Live(console=talk.console(sys.stderr), transient=True, refresh_per_second=2) as live:
        yield lambda state: live.update(_view(state, live.console.width))


class _Lines:
    """A run in a log: a line now and then."""

    def __init__(self) -> None:
        self._said = -1

    def __call__(self, state: State) -> None:
        part = 20 * len(state.done) // max(1, len(state.plan.tasks))
        if part != self._said:
            self._said = part
            talk.say(_counts(state))


def _view(state: State, width: int) -> RenderableType:
    tasks = state.plan.tasks
    parts: list[RenderableType] = [Text(_counts(state), style="bold")]
    now = time.monotonic()
    running = list(state.running.items())
    for id_, since in running[:_SHOWN]:
        parts.append(Text(f"  {name_of(tasks[id_])}  {_duration(now - since)}", style="dim"))
    if state.rows:
        *_, (about, latest) = Comparison(state.rows).parts.items()
        parts.append(_table(latest, width, about))
    return Group(*parts)


def _counts(state: State) -> str:
    left = [
        seconds
        for id_, seconds in state.plan.seconds.items()
        if id_ not in state.done and id_ not in state.failed and seconds is not None
    ]
    n_left = len(state.running) + state.waiting
    time_left = (
        f", about {_duration(sum(left) / state.n_at_once)} left" if len(left) == n_left and left else ""
    )
    failed = f", {len(state.failed):,} failed" if state.failed else ""
    return (
        f"{len(state.done):,} of {len(state.plan.tasks):,} steps done, {len(state.running):,} running, "
        f"{state.waiting:,} waiting{failed}{time_left}"
    )


def print_run(result: RunResult, console: Console, as_json: bool) -> None:
    """The table of a run, what failed, and the results file."""
    comparison = Comparison(result.rows)
    if as_json:
        rows = [asdict(row) for row in result.rows]
        talk.json_object({"path": str(result.path), "rows": rows, "failed": dict(result.failed)})
    else:
        print_table(comparison, console)
    for id_, reason in list(result.failed.items())[:_FIRST]:
        talk.say(f"failed: {name_of(result.plan.tasks[id_])}: {reason}")
    if len(result.failed) > _FIRST:
        talk.say(f"and {len(result.failed) - _FIRST:,} more failed")
    if not as_json:
        talk.next_step(f"curate report {result.path}")
        print(result.path)  # noqa: T201  stdout is data


def print_table(comparison: Comparison, console: Console) -> None:
    """Accuracy of every method at every budget, and the verdicts."""
    if not comparison.rows:
        return
    for about, part in comparison.parts.items():
        console.print(_table(part, console.width, about))
    for name, sentence in verdicts(comparison).items():
        console.print(Text.assemble((name, "bold"), f": {sentence}"))
    for text in comparison.warnings:
        console.print(Text(f"beware: {text}"))


def _table(comparison: Comparison, width: int, about: str) -> RenderableType:
    """Methods by budgets, of the data and network that are named; in blocks where the terminal is narrow."""
    budgets = comparison.budgets
    cells = {
        (name, budget): accuracy_text(comparison.cells[name, budget].rows)
        for name in comparison.methods
        for budget in budgets
        if (name, budget) in comparison.cells
    }
    title = "test accuracy in %, mean ± std (n), after the last epoch" + (f": {about}" if about else "")
    if width >= _NAMES + _COLUMN * len(budgets):
        table = Table("", *(budget_text(budget) for budget in budgets), title=title, title_justify="left")
        for column in table.columns[1:]:
            column.justify = "right"
        for name in comparison.methods:
            table.add_row(name, *(cells.get((name, budget), "") for budget in budgets))
        return table
    lines = [Text(title, style="bold")]
    for budget in budgets:
        lines.append(Text(budget_text(budget), style="bold"))
        lines += [Text(f"  {name}: {text}") for (name, at), text in cells.items() if at == budget]
    return Group(*lines)


def accuracy_text(rows: Sequence[Outcome]) -> str:
    """`97.12 ± 0.31 (3)`, in %."""
    return percent([row.accuracy for row in rows])


def _duration(seconds: float) -> str:
    """Seconds in words: 45 s, 12 min, 3.5 h."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
