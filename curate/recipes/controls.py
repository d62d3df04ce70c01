"""Controls: what every trial is judged against, added to a recipe unless it leaves them out by name.

`full` trains on everything, `early-stop` on everything for as many presentations as the trial has, `random`
draws as many samples anew at every checkpoint, and `static-random` draws them once. They share network,
hyperparameters, data and seed with the trial.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from curate import finder
from curate.networks.model import DEFAULT_MODEL
from curate.recipes.options import hyperparameters_of
from curate.recipes.task import Task, n_epochs_of

UNTOLD = ("keep", "data")  # what a name does not say: a table has columns and parts for them


def controls_of(task: Task, tasks: Mapping[str, Task], wanted: Sequence[str]) -> Iterator[Task]:
    """The controls of a trial; none of a task that is no trial, or whose dataset no task names."""
    root = _root(task, tasks)
    if not task.is_trial or root is None:
        return
    behind = tasks[task.parents[""]] if "" in task.parents else task
    shared = _shared(task, behind, root)
    reference = str(task.options.get("data", root.subject))
    for name in wanted:
        own = _own(name, {**behind.options, **task.options}, task.varied.get("keep"), n_epochs_of(shared))
        if own is None:
            continue
        options = {**shared, **own}
        varied = {key: value for key, value in task.varied.items() if key in options and key != "policy"}
        told = [f"{key} {value}" for key, value in varied.items() if key not in UNTOLD]
        label = ", ".join([name.replace("-", " "), *told])
        yield Task(name, "train", reference, options, seed=task.seed, label=label, varied=varied)


def _own(name: str, asked: Mapping[str, Any], keep: Any, n_epochs: int) -> dict[str, Any] | None:
    """The options of a control that are not its trial's; None where the trial has no budget to match."""
    if name == "full":
        return {"policy": "full"}
    if keep is None:
        return None
    if name == "static-random":
        return {"policy": "random", "keep": keep, "period": n_epochs}
    period = {"period": asked["period"]} if name == "random" and "period" in asked else {}
    return {"policy": name, "keep": keep, **period}


def _root(task: Task, tasks: Mapping[str, Task]) -> Task | None:
    """The task that names the dataset of a trial; None where an artifact from before does."""
    while "" in task.parents:
        task = tasks[task.parents[""]]
    return task if task.verb in ("embed", "score", "train") else None


def _shared(task: Task, behind: Task, root: Task) -> dict[str, Any]:
    """How the dataset is opened, and how the network is trained: as in the trial."""
    trained = {**(_trained(behind) if behind.verb == "train" else {}), **_trained(task)}
    tested = {"test": task.options["test"]} if "test" in task.options else {}
    return {**root.opening, **task.opening, **tested, **trained}


def _trained(task: Task) -> dict[str, Any]:
    """The options that say how the network of a task is trained, those of the model among them."""
    model = str(task.options.get("model", DEFAULT_MODEL))
    of_model = finder.option_names(finder.load("models", model))
    names = ["model", *hyperparameters_of(), "evaluate-every", *(f"set.{name}" for name in of_model)]
    return {name: task.options[name] for name in names if name in task.options}
