"""Controls: every trial has them, on its own data, network, seed and budget."""

import pytest

from curate.recipes.graph import tasks_of
from curate.recipes.reading import read_text
from curate.recipes.schema import check

TEXT = """
[every.train]
trials = 2
[vectors]
embed = "digits"
image-size = 12
[clusters]
cluster = "vectors"
[selected]
select = "clusters"
keep = 0.2
[static]
replay = "selected"
model = "lenet5"
epochs = 7
lr = 0.01
evaluate-every = 2
trials = 2
[dynamic]
train = "digits"
policy = "ucb"
keep = 0.3
period = 2
epochs = 10
set = { confidence = 2.0, width = 8 }
"""


@pytest.fixture
def tasks(written):
    made = tasks_of(
        check(read_text(written(TEXT, "r.toml"))), lambda reference, opening: str((reference, opening))
    )
    return [
        task
        for task in made.values()
        if task.step not in ("vectors", "clusters", "selected", "static", "dynamic")
    ]


def test_every_trial_has_every_control_of_its_seed(tasks):
    counted = {(task.step, task.options.get("model"), task.seed) for task in tasks}
    assert counted == {
        (name, model, seed)
        for name in ("full", "early-stop", "random", "static-random")
        for model in ("lenet5", None)
        for seed in (0, 1)
    }


def test_they_share_data_network_and_hyperparameters_with_their_trial_and_no_method(tasks):
    shared = {"image-size": 12, "model": "lenet5", "epochs": 7, "lr": 0.01, "evaluate-every": 2}
    static = {task.step: task for task in tasks if task.options.get("model") and task.seed == 0}
    assert static["full"].options == {**shared, "policy": "full"}
    assert static["random"].options == {**shared, "policy": "random", "keep": 0.2}
    assert static["early-stop"].options == {**shared, "policy": "early-stop", "keep": 0.2}
    assert static["static-random"].options == {**shared, "policy": "random", "keep": 0.2, "period": 7}
    dynamic = {task.step: task for task in tasks if not task.options.get("model") and task.seed == 0}
    shared = {"epochs": 10, "set.width": 8}
    assert dynamic["full"].options == {**shared, "policy": "full"}
    assert dynamic["random"].options == {**shared, "policy": "random", "keep": 0.3, "period": 2}
    assert dynamic["static-random"].options == {**shared, "policy": "random", "keep": 0.3, "period": 10}
    assert {task.subject for task in tasks} == {"digits"}


def test_they_are_called_by_what_they_are_and_what_networks_vary(written):
    text = TEXT.replace('model = "lenet5"', 'model = ["lenet5", "basic-cnn"]')
    made = tasks_of(check(read_text(written(text, "r.toml"))), lambda reference, opening: reference)
    labels = {task.label for task in made.values() if task.step == "static-random"}
    assert labels == {"static random", "static random, model lenet5", "static random, model basic-cnn"}
    full = next(task for task in made.values() if task.label == "full, model lenet5")
    assert full.varied == {"model": "lenet5"}


def test_a_recipe_can_leave_some_out_by_name(written):
    made = tasks_of(
        check(read_text(written('controls = ["full"]\n' + TEXT, "r.toml"))),
        lambda reference, opening: reference,
    )
    names = {task.step for task in made.values()}
    assert "full" in names
    assert not names & {"random", "static-random", "early-stop"}


def test_a_step_that_does_what_a_control_does_is_that_control(written):
    text = '[every.train]\ntrials = 2\n[ours]\ntrain = "digits"\npolicy = "random"\nkeep = 0.3\n'
    made = tasks_of(check(read_text(written(text, "r.toml"))), lambda reference, opening: reference)
    assert [task.step for task in made.values()].count("ours") == 2
    assert "random" not in {task.step for task in made.values()}
    assert "full" in {task.step for task in made.values()}


def test_a_network_that_is_replayed_as_recorded_has_the_controls_of_its_session(written):
    text = """
[session]
train = "digits"
policy = "ucb"
keep = 0.3
epochs = 6
seed = 50
[frozen]
replay = "session"
freeze = "last"
trials = 1
"""
    made = tasks_of(check(read_text(written(text, "r.toml"))), lambda reference, opening: reference)
    static = next(task for task in made.values() if task.step == "static-random")
    assert static.options == {"epochs": 6, "policy": "random", "keep": 0.3, "period": 6}
    assert static.seed == 0
