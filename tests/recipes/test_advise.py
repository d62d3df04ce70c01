"""advise: the law is found again where it holds, and what follows from a pilot is what its rows say."""

import tomllib
from dataclasses import replace
from pathlib import Path

import pytest
from helpers.commands import assert_error
from helpers.pilots import CURVE, EARLY, FULL, GREEDY, RANDOM, SHORT, greedy, trials, uniform

from curate.artifacts.results import write_results
from curate.data.dataset import Options
from curate.errors import CurateError
from curate.recipes.advise import PILOT_KEEPS, advise, conclude, pilot_recipe, predictions_of
from curate.recipes.run import RunResult


def pilot(*rows):
    return RunResult(Path("pilot.parquet"), None, [row for of in rows for row in of], {})


def advice(*rows, accuracy_loss=None, hours=None):
    return conclude(pilot(*rows), "d", "lenet5", 2 * SHORT, SHORT, accuracy_loss, hours)


def test_the_least_that_stays_within_a_loss_is_proposed():
    made = advice(FULL, RANDOM, GREEDY, EARLY, accuracy_loss=0.4)
    by_name = {one.policy: one for one in made.options}
    # Uniform draws lose 0.08 / 40 · (1 / q - 1), which is 0.004 at q = 1/3: keep 0.34.
    assert by_name["random"].keep == 0.34
    # epsilon-greedy has (2q)^0.2 of their error by presentations, the worse reading: it loses 0.0046 at 0.14,
    # 0.0039 at 0.16. By its share it has q^0.2 of their error there, and loses 0.0005.
    assert by_name["epsilon-greedy"].keep == 0.16
    assert by_name["epsilon-greedy"].loss == pytest.approx((0.0039 + 0.0005) / 2, abs=2e-4)
    assert made.options[0].policy == "epsilon-greedy"
    assert by_name["epsilon-greedy"].hours == pytest.approx(2 * (360 * 0.16 + 18) / 3600, rel=0.05)
    assert made.full_hours == pytest.approx(0.2)
    assert made.pays
    assert made.command == "curate train d --model lenet5 --epochs 40 --policy epsilon-greedy --keep 0.16"
    assert made.verdict.startswith("epsilon-greedy at keep 0.16 loses 0.2")
    assert "for 0.21 of the time of full training; as many presentations of a shorter schedule lose 1.0" in (
        made.verdict
    )


def test_the_best_that_fits_into_the_hours_is_proposed():
    made = advice(FULL, RANDOM, GREEDY, EARLY, hours=0.1)
    assert made.options[0].policy == "epsilon-greedy"
    assert made.options[0].hours <= 0.1
    assert 0.4 < made.options[0].keep < 0.5
    assert made.pays


def test_where_pruning_does_not_pay_it_is_said_and_the_command_is_without_it():
    fits = advice(FULL, RANDOM, GREEDY, EARLY, hours=1.0)
    assert not fits.pays
    assert fits.verdict == "full training takes 0.20 hours, which fits: pruning does not pay"
    assert fits.command == "curate train d --model lenet5 --epochs 40"
    short = trials(
        "early stop", "early-stop", lambda keep: greedy(keep) * keep**0.2, seconds=lambda keep: 360 * keep
    )
    shorter = advice(FULL, RANDOM, GREEDY, short, accuracy_loss=0.4)
    assert not shorter.pays
    assert "a shorter schedule does" in shorter.verdict
    assert shorter.command == "curate train d --model lenet5 --epochs 6"
    nothing = advice(FULL, RANDOM, EARLY, accuracy_loss=0.01)
    assert nothing.verdict == "nothing stays within that in less time: pruning does not pay"
    # The least keep that was tried, 0.1, takes 0.1 of the time of full training.
    hurried = advice(FULL, RANDOM, EARLY, hours=0.01)
    assert not hurried.pays
    assert hurried.verdict == (
        "keep 0.1, the least that the pilot tried, takes 0.02 hours: "
        "pruning does not pay, a shorter schedule fits"
    )
    assert hurried.command == "curate train d --model lenet5 --epochs 2"


def whole(rows, factor=1.0, epochs=2 * SHORT):
    """Rows of whole runs that lose so many times what the curve says."""
    full = CURVE.error(epochs)
    return [
        replace(
            row,
            accuracy=1 - full - factor * (CURVE.error(epochs * row.samples_seen / SHORT / row.n) - full),
            n_epochs=epochs,
        )
        for row in rows
    ]


def test_predictions_are_held_to_whole_runs_hit_or_miss():
    between = trials("random", "random", uniform, seconds=lambda keep: 1, keeps=(0.15, 0.3))
    noisy = trials("random", "random", uniform, seconds=lambda keep: 1, noise=0.02)
    made = predictions_of([*FULL, *noisy, *GREEDY], [*whole(FULL), *whole(between)])
    assert [(one.method, one.keep, one.hit) for one in made] == [
        ("random", 0.15, True),
        ("random", 0.3, True),
    ]
    assert list(made[0].measured) == pytest.approx([0.08 / 40 * (1 / 0.15 - 1)] * 3)
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


def test_a_pilot_opens_its_data_as_the_user_said():
    opening = Options(image_size=8, label_column="kind", skip_corrupt=True)
    steps = tomllib.loads(pilot_recipe("photos", "basic-cnn", 4, 2, opening))["ranked"]
    assert (steps["image-size"], steps["label-column"], steps["skip-corrupt"]) == (8, "kind", True)
    assert "channels" not in tomllib.loads(pilot_recipe("photos", "basic-cnn", 4, 2))["ranked"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
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
    words = ("advise", "digits", "--accuracy-loss", 1, "--hours", 2)
    assert_error(cli(*words), "say one of --accuracy-loss and --hours")
