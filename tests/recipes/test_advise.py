"""advise: the law is found again where it holds, and what follows from a pilot is what its rows say."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from helpers.commands import assert_error
from helpers.results import ROW
from hypothesis import given
from hypothesis import strategies as st

from curate.errors import CurateError
from curate.recipes.advise import (
    PILOT_KEEPS,
    Law,
    advise,
    conclude,
    fit,
    fitted,
    losses_of,
    pilot_recipe,
)
from curate.recipes.run import RunResult

SEEDS = (0, 1, 2)
LAW = Law(0.02, 0.8)


def trials(name, policy, loss, *, seconds, keeps=PILOT_KEEPS, noise=0.0):
    """Rows of a pilot in which a policy loses, and takes, as functions of what it keeps say."""
    chance = np.random.default_rng(1)
    rows = []
    for keep in keeps:
        for seed in SEEDS:
            full = 0.95 + 0.001 * seed
            rows.append(
                replace(
                    ROW,
                    key=f"{name}{keep}{seed}",
                    name=name,
                    seed=seed,
                    settings=json.dumps({"policy": policy, "hyperparameters": {"n_epochs": 20}}),
                    varied=json.dumps({"keep": keep} if keep < 1 else {}),
                    accuracy=full - loss(keep) + noise * chance.normal(),
                    n=1000,
                    n_selected_per_epoch=1000 * keep,
                    scoring_seconds=0.0,
                    select_seconds=0.0,
                    train_seconds=seconds(keep),
                )
            )
    return rows


def pilot(*rows):
    return RunResult(Path("pilot.parquet"), None, [row for of in rows for row in of], {})


FULL = trials("full", "full", lambda keep: 0, seconds=lambda keep: 360, keeps=(1.0,))
RANDOM = trials("random", "random", LAW.loss, seconds=lambda keep: 360 * keep)
GREEDY = trials(
    "epsilon-greedy", "epsilon-greedy", lambda keep: LAW.loss(keep) / 4, seconds=lambda keep: 360 * keep + 18
)
EARLY = trials("early stop", "early-stop", lambda keep: 2 * LAW.loss(keep), seconds=lambda keep: 360 * keep)


@given(st.floats(0.001, 0.2), st.floats(0.2, 3.0))
def test_a_law_is_found_again_from_the_losses_it_gives(a, b):
    law = Law(a, b)
    found = fit({keep: [law.loss(keep)] * 3 for keep in PILOT_KEEPS})
    assert (found.a, found.b) == (pytest.approx(a), pytest.approx(b))
    assert law.loss(law.keep(0.01)) == pytest.approx(0.01)
    assert law.loss(1) == 0.0


def test_where_nothing_is_lost_the_law_says_so():
    law = fit({0.1: [0.0], 0.5: [-0.01]})
    assert law.loss(0.3) == 0.0
    assert law.keep(0.01) == 0.0


def test_losses_are_paired_by_seed():
    full = {row.seed: row for row in FULL}
    losses = losses_of(RANDOM, full)
    assert list(losses) == list(PILOT_KEEPS)
    for keep, each in losses.items():
        assert each == pytest.approx([LAW.loss(keep)] * 3)


def test_an_interval_widens_with_the_spread_of_the_trials():
    full = {row.seed: row for row in FULL}
    exact = fitted(losses_of(RANDOM, full), "random").interval(0.3)
    assert exact == pytest.approx((LAW.loss(0.3),) * 3)
    noisy = trials("random", "random", LAW.loss, seconds=lambda keep: 1, noise=0.002)
    low, mean, high = fitted(losses_of(noisy, full), "random").interval(0.3)
    assert low < mean < high
    assert high - low > 0.0005


def test_the_least_that_stays_within_a_loss_is_proposed():
    made = conclude(pilot(FULL, RANDOM, GREEDY, EARLY), "d", "lenet5", 100, 20, 1.0, None)
    by_name = {one.policy: one for one in made.options}
    # random loses 1 point where 0.02 · x^0.8 = 0.01, x = 0.42: keep 0.704, so 0.72.
    # epsilon-greedy, which loses a quarter, where x = 2.378: keep 0.296, so 0.3.
    assert by_name["random"].keep == 0.72
    assert by_name["epsilon-greedy"].keep == 0.3
    assert made.options[0].policy == "epsilon-greedy"
    assert by_name["epsilon-greedy"].hours == pytest.approx(5 * (360 * 0.3 + 18) / 3600, rel=0.05)
    assert made.full_hours == pytest.approx(0.5)
    assert made.pays
    assert made.command == "curate train d --model lenet5 --epochs 100 --policy epsilon-greedy --keep 0.3"
    assert made.verdict.startswith("epsilon-greedy at keep 0.3 loses 0.98 points [0.98, 0.98] for 0.35")


def test_the_best_that_fits_into_the_hours_is_proposed():
    made = conclude(pilot(FULL, RANDOM, GREEDY, EARLY), "d", "lenet5", 100, 20, None, 0.25)
    assert made.options[0].policy == "epsilon-greedy"
    assert made.options[0].hours <= 0.25
    assert 0.4 < made.options[0].keep < 0.5
    assert made.pays


def test_where_pruning_does_not_pay_it_is_said_and_the_command_is_without_it():
    fits = conclude(pilot(FULL, RANDOM, GREEDY, EARLY), "d", "lenet5", 100, 20, None, 1.0)
    assert not fits.pays
    assert fits.verdict == "full training takes 0.50 hours, which fits: pruning does not pay"
    assert fits.command == "curate train d --model lenet5 --epochs 100"
    short = trials(
        "early stop", "early-stop", lambda keep: LAW.loss(keep) / 8, seconds=lambda keep: 360 * keep
    )
    shorter = conclude(pilot(FULL, RANDOM, GREEDY, short), "d", "lenet5", 100, 20, 1.0, None)
    assert not shorter.pays
    assert "a shorter schedule does" in shorter.verdict
    assert shorter.command == "curate train d --model lenet5 --epochs 30"
    steep = Law(0.3, 0.3)
    dear = trials("random", "random", steep.loss, seconds=lambda keep: 360 * keep)
    nothing = conclude(pilot(FULL, dear, EARLY), "d", "lenet5", 100, 20, 0.1, None)
    assert nothing.verdict == "nothing less than everything stays within that: pruning does not pay"


@pytest.mark.slow
@pytest.mark.usefixtures("in_threads")
def test_a_pilot_is_a_recipe_that_goes_on_where_it_was(here):
    shared = {"accuracy_loss": 5.0, "epochs": 3, "trials": 2}
    made = advise("digits", "lenet5", **shared)
    assert len(made.pilot.rows) == 2 * (1 + 3 * len(PILOT_KEEPS))
    assert made.pilot_epochs == 3
    assert (here / "digits-lenet5-pilot.toml").exists()
    again = advise("digits", "lenet5", **shared)
    assert [row.weights_sha256 for row in again.pilot.rows] == [row.weights_sha256 for row in made.pilot.rows]
    assert again.verdict == made.verdict


def test_a_name_that_looks_like_code_is_text_in_the_recipe():
    import tomllib

    made = tomllib.loads(pilot_recipe('a "b" \\ c', "lenet5", 3, 2))
    assert made["ranked"]["train"] == 'a "b" \\ c'


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "say one of --accuracy-loss and --hours"),
        ({"accuracy_loss": 1, "hours": 2}, "say one of --accuracy-loss and --hours"),
        ({"hours": 0}, "hours=0 is not positive: use a number above 0"),
        ({"accuracy_loss": float("nan")}, "accuracy-loss=nan is not positive"),
        ({"accuracy_loss": 1, "model": "lenet"}, "there is no model called 'lenet': did you mean lenet5"),
    ],
)
def test_what_cannot_be_advised_on_is_refused(options, message, here):
    with pytest.raises(CurateError, match=message):
        advise("digits", **options)
    assert list(here.iterdir()) == []


def test_the_command_says_what_it_needs(cli):
    assert_error(cli("advise", "digits"), "say one of --accuracy-loss and --hours")
