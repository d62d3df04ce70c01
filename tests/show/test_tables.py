"""Tables: every number in its place, and what is clear in bold."""

from dataclasses import replace

from helpers.results import FULL, LITTLE, RANDOM, ROW, rows

from curate.recipes.comparison import Comparison
from curate.show.tables import budget_text, markdown, tables_of

SURE = rows("sure", [91.0, 91.2, 91.1])


def by_title(comparison):
    return {table.title: table for table in tables_of(comparison)}


def test_accuracy_is_a_mean_with_its_spread_and_count():
    table = by_title(Comparison([*FULL, *RANDOM, *LITTLE, *SURE]))["Test accuracy in %"]
    assert table.columns == ["keep 0.1", "keep 0.3", "all"]
    assert table.rows == [
        ["sure", "", "91.10 ± 0.10 (3)", ""],
        ["full", "", "", "95.10 ± 0.10 (3)"],
        ["random", "80.10 ± 0.10 (3)", "90.10 ± 0.10 (3)", ""],
    ]
    assert markdown(table)[2] == "| sure |  | 91.10 ± 0.10 (3) |  |"


def test_a_clear_difference_is_bold_and_a_row_of_its_own():
    wavers = rows("wavers", [93, 89.2, 92.1])
    table = by_title(Comparison([*FULL, *RANDOM, *LITTLE, *SURE, *wavers]))[
        "Difference to dynamic random, in percentage points"
    ]
    assert [row[0] for row in table.rows] == ["sure", "wavers"]
    assert table.rows[0][1] == "+1.00 [+1.00, +1.00]"
    assert table.bold == {(0, 0)}
    assert markdown(table)[2] == "| sure | **+1.00 [+1.00, +1.00]** |"


def test_what_the_same_seconds_buy_is_a_table_of_its_own():
    made = Comparison([*FULL, *RANDOM, *LITTLE, *SURE, *rows("slow", [94.0, 94.2, 94.1], seconds=300.0)])
    table = by_title(made)["Difference to random samples for the same seconds, in percentage points"]
    assert table.rows == [["sure", "+1.00, 0.30 of full"], ["slow", "not measured"]]
    assert table.bold == {(0, 0)}


def test_unknown_times_say_so():
    unknown = [replace(row, scoring_seconds=None) for row in SURE]
    tables = by_title(Comparison([*RANDOM, *unknown]))
    assert tables["Seconds"].rows[0] == ["sure", "unknown"]
    assert tables["Seconds"].rows[1] == ["random", "30.0 ± 0.0 (3)"]
    assert tables["Samples seen"].rows[0] == ["sure", "6,000"]


def test_names_cannot_break_a_table_of_markdown():
    table = by_title(Comparison([replace(ROW, name="a|b")]))["Test accuracy in %"]
    assert markdown(table)[2].startswith(r"| a\|b |")


def test_budgets_in_words():
    assert budget_text(None) == "all"
    assert budget_text("0.3") == "keep 0.3"


def test_every_data_set_has_tables_of_its_own():
    there = [replace(row, dataset="/data/mnist", fingerprint="o", accuracy=0.5) for row in RANDOM]
    tables = by_title(Comparison([*RANDOM, *there]))
    assert tables["Test accuracy in %: digits"].rows == [["random", "90.10 ± 0.10 (3)"]]
    assert tables["Test accuracy in %: mnist"].rows == [["random", "50.00 ± 0.00 (3)"]]
