"""The recipes that come with curate: every one parses, plans and, on digits, runs its smallest cells."""

import re

import pytest

from curate.recipes.reading import find, names, read_text
from curate.recipes.run import plan, run
from curate.recipes.schema import CONTROLS, check

SMALLEST = {
    "data": "digits",
    "model": "lenet5",
    "small": "basic-cnn",
    "size": 8,
    "epochs": 10,
    "period": 1,
    "periods": [1, 2],
    "keep": [0.4],
    "k": [12],
    "starts": [0, 0.1],
    "cut": [0.1],
    "trials": 1,
    "seed": [0],
}


def profiles(name):
    return [None, *re.findall(r"\[profiles\.([a-z0-9]+)", find(name).read_text())]


@pytest.mark.parametrize("name", names())
def test_every_recipe_says_what_it_repeats_and_has_its_controls(name):
    text = find(name).read_text()
    assert text.startswith("# ")
    head = text.partition("\n\n")[0] + text.partition("title")[0]
    if name != "digits-quick":
        assert re.search(r"# (Repeats|Measures) ", head), name
        assert "On a GPU" in head
        assert "--profile cpu" in head
    recipe = check(read_text(name))
    assert recipe.title
    assert recipe.report["figures"]
    assert {"full", "random"} <= set(recipe.controls)
    assert recipe.controls == CONTROLS or name == "cifar10-hyperparameters"


@pytest.mark.parametrize("name", names())
def test_every_recipe_is_planned_in_every_profile(name, here):
    sizes = {}
    for profile in dict.fromkeys(profiles(name)):
        planned = plan(name, profile=profile, missing_data=True)
        assert planned.trials
        assert min(len({task.seed for task in planned.trials if task.label == label})
                   for label in {task.label for task in planned.trials}) >= 3  # fmt: skip
        sizes[profile] = len(planned.tasks)
    assert sizes.get("cpu", 0) <= sizes[None]


@pytest.mark.parametrize("name", [name for name in names() if name != "digits-quick"])
def test_a_profile_for_two_cores_has_checkpoints_enough(name):
    recipe = check(read_text(name, "cpu"))
    if "period" in recipe.values:
        (epochs,), (period,) = recipe.values["epochs"], recipe.values["period"]
        assert epochs // period >= (10 if name == "cifar10-100-epochs" else 20)


@pytest.mark.slow
@pytest.mark.parametrize("name", names())
def test_the_smallest_cells_of_every_recipe_run(name, in_threads):
    values = {key: value for key, value in SMALLEST.items() if key in check(read_text(name)).values}
    result = run(name, values=values)
    reasons = set(result.failed.values())
    assert all("the always group" in reason for reason in reasons), reasons  # of a lenet5 on digits
    assert len(result.rows) == len(result.plan.trials) - len(reasons)
    assert {row.name for row in result.rows} >= {"full", "random"} or name == "cifar10-hyperparameters"
