"""train --warm-up and --class-floor: what the header, the records and the groups say of them."""

import json

import numpy as np
import pytest

import curate


@pytest.fixture(scope="module")
def few():
    return curate.open_dataset("digits").take(np.arange(200))


def trained(few, output, **more):
    return curate.train(
        few,
        test=few,
        options={"width": 2},
        output=output,
        **{"policy": "ucb", "keep": 0.3, "period": 1, "hyperparameters": {"n_epochs": 5}, **more},
    )


@pytest.mark.parametrize(
    ("warm_up", "expected"),
    [
        (None, {"n_epochs": 1, "draws": "random"}),
        (2, {"n_epochs": 2, "draws": "random"}),
        (0.4, {"n_epochs": 2, "draws": "random"}),
        ("40%:full", {"n_epochs": 2, "draws": "full"}),
        (0, {"n_epochs": 0}),
    ],
)
def test_the_header_says_how_a_run_began(few, tmp_path, warm_up, expected):
    made = trained(few, tmp_path / "run", warm_up=warm_up)
    options = made.manifest.header.options
    assert options["warm_up"] == expected
    assert options["session"].get("warm_up") == (None if warm_up is None else str(warm_up))
    asked = [record.asked for record in made.epochs]
    assert asked == [False] * expected["n_epochs"] + [True] * (5 - expected["n_epochs"])


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({}, "training"),
        ({"warm_up": 0}, "evaluation"),  # as published: one option away
        ({"warm_up": 0, "observe": "training"}, "training"),
        ({"observe": "evaluation"}, "evaluation"),
    ],
)
def test_the_header_says_whose_losses_were_looked_at(few, tmp_path, asked, expected):
    assert trained(few, tmp_path / "run", **asked).manifest.header.options["observes"] == expected


def test_a_policy_without_losses_says_nothing_of_them(few, tmp_path):
    options = trained(few, tmp_path / "run", policy="random").manifest.header.options
    assert "warm_up" not in options
    assert "observes" not in options


def test_its_epochs_are_no_checkpoints_for_groups(few, tmp_path):
    made = trained(few, tmp_path / "run", warm_up=2)
    manifest = made.manifest
    assert manifest.header.summary["checkpoints"] == [2, 3, 4]
    by_hand = np.zeros(200, np.int64)
    for epoch in (2, 3, 4):
        by_hand[manifest.selected(epoch).indices] += 1
    assert manifest.samples["n_checkpoints_selected"].tolist() == by_hand.tolist()
    assert manifest.samples["n_selected"].sum() == 5 * 60


def test_a_class_floor_is_kept_and_recorded(few, tmp_path):
    made = trained(few, tmp_path / "run", class_floor=0.8)
    assert made.manifest.header.options["session"]["class_floor"] == 0.8
    least = 60 * np.bincount(few.labels) * 8 // 2000
    for epoch in range(5):
        counts = np.bincount(few.labels[made.manifest.selected(epoch).indices], minlength=10)
        assert (counts >= least).all()


def test_the_command_takes_both(cli, here):
    words = ["train", "digits", "--policy", "ema", "--keep", "0.1", "--epochs", "4", "--set", "width=2"]
    result = cli(*words, "--warm-up", "2:full", "--class-floor", "0.5", "-o", "run")
    assert result.code == 0, result.err
    header = json.loads((here / "run" / "manifest.json").read_text())
    assert header["options"]["warm_up"] == {"n_epochs": 2, "draws": "full"}
    refused = cli(*words, "--warm-up", "4", "-o", "other")
    assert refused.code == 2
    assert "warm-up=4 leaves no checkpoint to the policy" in refused.err
    refused = cli("train", "digits", "--policy", "full", "--class-floor", "0.5", "-o", "other")
    assert "policy full decides itself what it trains on: leave out --class-floor" in refused.err
    assert not (here / "other").exists()
