"""advise: the law is found again where it holds, and what follows from a pilot is what its rows say."""

from dataclasses import replace
from pathlib import Path

import pytest
from helpers.commands import assert_error
from helpers.pilots import EARLY, FULL, GREEDY, LAW, RANDOM, trials

from curate.artifacts.results import write_results
from curate.errors import CurateError
from curate.recipes.advise import PILOT_KEEPS, advise, conclude, pilot_recipe, predictions_of
from curate.recipes.loss_law import Law
from curate.recipes.run import RunResult


def pilot(*rows):
    return RunResult(Path("pilot.parquet"), None, [row for of in rows for row in of], {})


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


def whole(rows, factor=1.0, epochs=100):
    """Rows of a pilot as those of whole runs, which lose so many times as much."""
    return [
        replace(
            row,
            accuracy=0.95 + 0.001 * row.seed - factor * (0.95 + 0.001 * row.seed - row.accuracy),
            n_epochs=epochs,
        )
        for row in rows
    ]


def test_predictions_are_held_to_whole_runs_hit_or_miss():
    between = trials("random", "random", LAW.loss, seconds=lambda keep: 1, keeps=(0.15, 0.3))
    noisy = [
        replace(row, accuracy=row.accuracy + 0.001 * (row.seed - 1)) for row in RANDOM
    ]  # in mean nothing
    made = predictions_of([*FULL, *noisy, *GREEDY], [*whole(FULL), *whole(between)])
    assert [(one.method, one.keep, one.hit) for one in made] == [
        ("random", 0.15, True),
        ("random", 0.3, True),
    ]
    assert list(made[0].measured) == pytest.approx([LAW.loss(0.15)] * 3)
    worse = predictions_of([*FULL, *noisy], [*whole(FULL), *whole(between, 3.0)])
    assert [one.hit for one in worse] == [False, False]
    assert predictions_of([*FULL, *noisy], [*whole(FULL), *whole(GREEDY)]) == []
    others = [replace(row, fingerprint="of other samples") for row in [*whole(FULL), *whole(between)]]
    assert predictions_of([*FULL, *noisy], others) == []


def test_results_that_no_prediction_can_be_held_to_are_refused_before_the_pilot(here):
    write_results(here / "sweep.parquet", [replace(row, model="lenet5") for row in whole(FULL, epochs=7)], {})
    with pytest.raises(CurateError, match="has no full training of lenet5 for 3 epochs to compare with"):
        advise("digits", "lenet5", accuracy_loss=1, epochs=3, against="sweep.parquet")
    assert [path.name for path in here.iterdir()] == ["sweep.parquet"]


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
    # Held to itself: at 3 epochs the pilot is the whole run, so that only the law can miss.
    held = advise("digits", "lenet5", **shared, against="digits-lenet5-pilot.parquet")
    methods = ("epsilon-greedy", "random", "early stop")
    assert {(one.method, one.keep) for one in held.predictions} == {
        (m, k) for m in methods for k in PILOT_KEEPS
    }


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
