"""Estimates: training costs by the samples that it sees, other verbs as much as they did."""

from dataclasses import asdict, replace

import pytest
from helpers.results import ROW

from curate.recipes.estimate import Estimate, samples_seen
from curate.recipes.store import Done
from curate.recipes.task import Task

RANDOM = Task("r", "train", "digits", {"policy": "random", "keep": 0.5, "epochs": 4}, id="r", label="r")
SELECTED = Task("s", "select", "", {"keep": 200}, {"": "c"}, id="s")
STATIC = Task("t", "replay", "", {"epochs": 3, "model": "lenet5"}, {"": "s"}, id="t", label="t")
TASKS = {task.id: task for task in (RANDOM, SELECTED, STATIC)}


def done(task, seconds, model="basic-cnn", seen=1000):
    trained = task.verb in ("train", "replay")
    row = replace(ROW, model=model, samples_seen=seen) if trained else None
    return Done(asdict(task), seconds, "a machine", row)


@pytest.mark.parametrize(
    ("task", "n", "expected"),
    [
        (RANDOM, 1000, 4 * 500),
        (replace(RANDOM, options={"epochs": 4}), 1000, 4000),
        (replace(RANDOM, options={"keep": "0.2:0.6", "epochs": 10}), 1000, 4000),
        (replace(RANDOM, options={"keep": 0.5}), 1000, 10000),  # 20 epochs are basic-cnn's own
        (STATIC, 1000, 3 * 200),
    ],
)
def test_how_many_samples_a_run_will_see(task, n, expected):
    assert samples_seen(task, TASKS, n) == expected


def test_training_costs_by_samples_and_model():
    estimate = Estimate([done(RANDOM, 10.0), done(RANDOM, 30.0), done(RANDOM, 20.0)])
    assert estimate.seconds(RANDOM, TASKS, 1000) == pytest.approx(
        40.0
    )  # 20 s for 1,000 samples, 2,000 to see
    assert estimate.seconds(STATIC, TASKS, 1000) is None
    estimate.learn(done(STATIC, 6.0, "lenet5", seen=600))
    assert estimate.seconds(STATIC, TASKS, 1000) == pytest.approx(6.0)
    assert estimate.seconds(STATIC, TASKS, None) is None


def test_other_verbs_cost_what_they_did():
    estimate = Estimate([])
    assert estimate.seconds(SELECTED, TASKS, 1000) is None
    estimate = Estimate([done(SELECTED, 1.0), done(SELECTED, 9.0), done(SELECTED, 2.0)])
    assert estimate.seconds(SELECTED, TASKS, 1000) == 2.0
