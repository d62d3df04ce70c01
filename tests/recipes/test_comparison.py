"""What trials say: the control of each, the corrected verdict, and random at equal cost; worked by hand."""

from dataclasses import replace

import pytest
from helpers.results import FULL, LITTLE, RANDOM, ROW, rows, settings

from curate.recipes.comparison import Comparison, budget_of, control_of, in_numbers, verdicts


@pytest.mark.parametrize(
    ("row", "control"),
    [
        (FULL[0], "full"),
        (RANDOM[0], "random"),
        (replace(ROW, settings=settings("random", period=20)), "static-random"),
        (replace(ROW, settings=settings("random", period=2)), "random"),
        (replace(ROW, settings=settings("random", trust=0.9)), None),
        (replace(ROW, settings=settings("random", budget="samples")), None),
        (replace(ROW, settings=settings("early-stop")), "early-stop"),
        (replace(ROW, settings=settings("ucb")), None),
        (replace(ROW, command="replay", settings='{"control": "random", "sizes": [3]}'), "static-random"),
        (replace(ROW, command="replay", settings='{"control": "random", "sizes": [3, 3]}'), "random"),
        (replace(ROW, command="replay", settings='{"control": "full"}'), "full"),
        (replace(ROW, command="replay", settings='{"manifest": "m"}'), None),
    ],
)
def test_a_control_is_known_by_what_it_did(row, control):
    assert control_of(row) == control


def test_a_table_has_methods_first_and_budgets_in_order():
    made = Comparison([*FULL, *RANDOM, *LITTLE, *rows("ucb", [91, 91, 91])])
    assert made.methods == ["ucb", "full", "random"]
    assert made.budgets == ["0.1", "0.3", None]
    cell = made.cells["random", "0.3"]
    assert cell.accuracy.mean == pytest.approx(0.901)
    assert cell.seconds().mean == 30.0
    assert [row.seed for row in cell.rows] == [0, 1, 2]


def test_a_clear_gain_is_better_and_one_that_wavers_is_level():
    made = Comparison(
        [*FULL, *RANDOM, *LITTLE, *rows("sure", [91.0, 91.2, 91.1]), *rows("wavers", [93, 89.2, 92.1]),
         *rows("bad", [85.0, 85.2, 85.15])]
    )  # fmt: skip
    found = {one.method: one for one in made.against_random}
    said = {name: one.verdict for name, one in found.items()}
    assert said == {"sure": "better", "wavers": "level", "bad": "worse"}
    assert found["sure"].difference.mean == pytest.approx(0.01)
    assert found["sure"].time_share == pytest.approx(0.3)
    # For 30 s of its own, as random at 0.3 takes, random has its own accuracy: ahead by the same 1 point.
    assert found["sure"].equal_cost.mean == pytest.approx(0.01)
    assert found["sure"].beats_equal_cost


def test_where_there_is_no_dynamic_random_a_static_one_serves():
    static = rows("static", [90.0, 90.2, 90.1], "random", period=20)
    made = Comparison([*FULL, *static, *rows("sure", [91.0, 91.2, 91.1])])
    (one,) = made.against_random
    assert (one.method, one.control, one.verdict) == ("sure", "static random", "better")
    assert verdicts(made)["sure"].startswith("better than static random at keep 0.3 (+1.00")
    both = Comparison([*RANDOM, *static, *rows("sure", [91.0, 91.2, 91.1])])
    assert [(one.method, one.control) for one in both.against_random] == [
        ("static", "random"),
        ("sure", "random"),
    ]


def test_many_comparisons_ask_for_more_than_one_does():
    # Differences 1.0, 1.4, 1.2: mean 1.2, std 0.2, t = 10.39, p = 0.0091: clear alone, and not among ten.
    method = rows("one", [91.0, 91.6, 91.3])
    alone = Comparison([*RANDOM, *method])
    assert alone.against_random[0].difference.p_value == pytest.approx(0.00913, abs=1e-4)
    assert alone.against_random[0].verdict == "better"
    others = [row for number in range(9) for row in rows(f"other {number}", [91, 89, 90.5])]
    among = Comparison([*RANDOM, *method, *others])
    assert {one.verdict for one in among.against_random} == {"level"}


def test_what_the_seconds_would_have_bought_at_random_is_read_off_the_line():
    # 65 s lie half-way between random at 0.3 (30 s, 90.1) and full (100 s, 95.1): 92.6 for nothing.
    dear = Comparison([*FULL, *RANDOM, *LITTLE, *rows("dear", [92.0, 92.2, 92.1], seconds=65.0)])
    (one,) = dear.against_random
    assert one.verdict == "better"
    assert one.equal_cost.mean == pytest.approx(-0.005)
    assert not one.beats_equal_cost
    assert "not ahead of random at equal cost" in verdicts(dear)["dear"]
    beyond = Comparison([*RANDOM, *LITTLE, *rows("beyond", [92.0, 92.2, 92.1], seconds=65.0)])
    assert beyond.against_random[0].equal_cost is None
    assert beyond.against_random[0].beats_equal_cost is None


def test_a_machine_that_was_busy_for_some_trials_makes_no_method_dear():
    # The random trials were slowed down to half, and full was not: the mean per sample is the same for all.
    slowed = [replace(row, train_seconds=2 * row.train_seconds) for row in (*RANDOM, *LITTLE)]
    (one,) = Comparison([*FULL, *slowed, *rows("sure", [91.0, 91.2, 91.1])]).against_random
    assert one.time_share == pytest.approx(0.3)
    assert one.equal_cost.mean == pytest.approx(0.01)
    # On another number of threads a step takes what it takes there.
    faster = [
        replace(row, train_seconds=row.train_seconds / 2, n_threads=2) for row in rows("sure", [91, 91])
    ]
    (one,) = Comparison([*FULL, *RANDOM, *LITTLE, *faster]).against_random
    assert one.time_share == pytest.approx(0.15)


def test_trials_are_paired_by_seed_and_those_without_a_pair_do_not_count():
    made = Comparison([*RANDOM[1:], *rows("ucb", [99.0, 91.2, 91.1])])
    assert made.against_random[0].n == 2
    assert made.against_random[0].difference.mean == pytest.approx(0.01)
    assert Comparison([*RANDOM[:1], *rows("ucb", [99.0, 91.2])[1:]]).against_random == []


def test_a_control_of_other_data_or_another_network_is_none():
    other = [replace(row, fingerprint="other") for row in RANDOM]
    assert Comparison([*other, *rows("ucb", [91, 91, 91])]).against_random == []
    of_model = [replace(row, name="random, lr 0.1", varied='{"keep": "0.3", "lr": 0.1}') for row in RANDOM]
    assert Comparison([*of_model, *rows("ucb", [91, 91, 91])]).against_random == []
    assert Comparison([*of_model, *rows("ucb", [91, 91, 91], varied={"lr": 0.1, "c": 2})]).against_random


def test_budgets_are_what_the_recipe_says_else_a_share():
    assert budget_of(RANDOM[0]) == "0.3"
    assert budget_of(FULL[0]) is None
    assert budget_of(replace(ROW, n=1000, n_selected_per_epoch=333.3)) == "0.333"


def test_a_sentence_says_where_and_at_what_cost():
    made = Comparison(
        [
            *FULL,
            *RANDOM,
            *LITTLE,
            *rows("sure", [91.0, 91.2, 91.1]),
            *rows("sure", [80, 81, 79.9], keep="0.1"),
        ]
    )
    assert verdicts(made)["sure"] == (
        "better than random at keep 0.3 (+1.00 [+1.00, +1.00], for 0.30 of the time of full, ahead of random "
        "at equal cost); no clear difference to random at keep 0.1 (+0.20 [-1.11, +1.51])"
    )
    single = Comparison([*RANDOM[:1], *rows("ucb", [91.0])])
    assert in_numbers(single.against_random[0]) == "+1.00"


ELSEWHERE = {"dataset": "/data/mnist", "fingerprint": "o"}


def test_data_sets_are_compared_each_with_its_own_controls():
    there = [replace(row, **ELSEWHERE) for row in (*RANDOM, *rows("ucb", [89.0, 89.2, 89.1]))]
    made = Comparison([*RANDOM, *rows("ucb", [91.0, 91.2, 91.1]), *there])
    assert list(made.parts) == ["digits", "mnist"]
    assert [one.verdict for part in made.parts.values() for one in part.against_random] == ["better", "worse"]
    assert {name: text.split(" at")[0] for name, text in verdicts(made).items()} == {
        "ucb, digits": "better than random",
        "ucb, mnist": "worse than random",
    }
    assert made.warnings == []
    with_models = Comparison([*made.rows, *(replace(row, model="lenet5") for row in RANDOM)])
    assert list(with_models.parts) == ["digits, basic-cnn", "mnist, basic-cnn", "digits, lenet5"]
    assert list(Comparison(RANDOM).parts) == [""]


def test_data_are_the_same_by_their_samples_and_not_by_where_they_lie():
    moved = [replace(row, dataset="/data/digits") for row in rows("ucb", [91.0, 91.2, 91.1])]
    (compared,) = Comparison([*RANDOM, *moved]).parts.values()
    assert [one.verdict for one in compared.against_random] == ["better"]
    changed = [replace(row, fingerprint="0123456789") for row in RANDOM]
    made = Comparison([*RANDOM, *changed])
    assert list(made.parts) == ["digits", "digits (01234567, test t)"]
    assert [len(part.rows) for part in made.parts.values()] == [3, 3]


def test_trials_of_one_name_and_seed_are_warned_of():
    twice = [*RANDOM, *(replace(row, key=f"{row.key} again") for row in RANDOM)]
    assert Comparison(twice).warnings == [
        "trials of random differ in more than their seed, and are taken together"
    ]


def test_what_makes_a_table_mean_less_is_said():
    assert Comparison([*RANDOM, *FULL]).warnings == []
    assert Comparison(RANDOM[:2]).warnings == ["some cells have 2 trials: fewer than 3 say little"]
    mixed = [replace(RANDOM[0], device="a GPU"), *RANDOM[1:]]
    assert Comparison(mixed).warnings == ["trials of 2 devices are mixed: their seconds are not comparable"]
    assert Comparison([]).warnings[0].startswith("some cells have 0 trials")


def test_several_files_are_one_table_and_a_shared_control_counts_once(here):
    from curate.artifacts.results import write_results
    from curate.recipes.comparison import comparison_of

    write_results(here / "a.parquet", [*RANDOM, *rows("ours", [91, 91, 91])], {})
    other = [replace(row, key=f"b{row.key}") for row in rows("ours", [92, 92, 92])]
    write_results(here / "b.parquet", [*RANDOM, *other, *rows("alone", [90, 90, 90])], {})
    made = comparison_of(["a.parquet", "b.parquet"])
    assert made.methods == ["ours (a)", "ours (b)", "alone", "random"]
    assert [len(cell.rows) for cell in made.cells.values()] == [3, 3, 3, 3]
