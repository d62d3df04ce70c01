"""The tables of a report, as plain text in cells: for the terminal, for Markdown, and for a page."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from curate.recipes.comparison import Against, Budget, Cell, Comparison
from curate.text import in_markdown


@dataclass(frozen=True)
class Table:
    """A table of texts: the first cell of a row is its name. `bold` holds the (row, column) of what is clear.

    `values` are the numbers behind the texts, by which a page sorts.
    """

    title: str
    columns: list[str]
    rows: list[list[str]]
    values: list[list[float | None]]
    bold: frozenset[tuple[int, int]] = frozenset()
    note: str = ""


def budget_text(budget: Budget) -> str:
    """What a column of a table is called."""
    return "all" if budget is None else f"keep {budget}"


def tables_of(comparison: Comparison) -> list[Table]:
    """Accuracy, difference to random, worst class, and time; those that there is something to say in.

    Each of the comparison's parts has tables of its own.
    """
    return [
        replace(table, title=f"{table.title}: {about}") if about else table
        for about, part in comparison.parts.items()
        for table in _tables_of(part)
    ]


def _tables_of(comparison: Comparison) -> list[Table]:
    tables = [
        _table(
            comparison,
            "Test accuracy in %",
            lambda cell: (100 * cell.accuracy.mean, _spread(cell, "accuracy")),
            "Mean ± std (n), after the last epoch.",
        ),
        _differences(comparison),
        _equal_cost(comparison),
        _table(
            comparison,
            "Accuracy of the worst class in %",
            lambda cell: (_mean(cell, "worst_class"), _spread(cell, "worst_class")),
            "Mean ± std (n), after the last epoch.",
        ),
        _table(
            comparison,
            "Seconds",
            _seconds,
            "Of scoring, selecting and training, mean ± std (n). Runs at the same time share a machine.",
        ),
        _table(
            comparison, "Samples seen", _seen, "In training, those of scoring included; mean over trials."
        ),
    ]
    return [table for table in tables if table.rows]


def _table(
    comparison: Comparison, title: str, of: Callable[[Cell], tuple[float | None, str]], note: str
) -> Table:
    rows, values = [], []
    for name in comparison.methods:
        cells = [comparison.cells.get((name, budget)) for budget in comparison.budgets]
        found = [(None, "") if cell is None else of(cell) for cell in cells]
        rows.append([name, *(text for _, text in found)])
        values.append([value for value, _ in found])
    columns = [budget_text(budget) for budget in comparison.budgets]
    return Table(title, columns, rows, values, note=note)


def _compared(
    comparison: Comparison, title: str, of: Callable[[Against], tuple[float | None, str, bool]], note: str
) -> Table:
    """A table of what is compared with random."""
    by_cell = {(one.method, one.budget): one for one in comparison.against_random}
    budgets = [budget for budget in comparison.budgets if any(at == budget for _, at in by_cell)]
    names = [name for name in comparison.methods if any(method == name for method, _ in by_cell)]
    rows, values, bold = [], [], set()
    for line, name in enumerate(names):
        row: list[str] = [name]
        numbers: list[float | None] = []
        for column, budget in enumerate(budgets):
            one = by_cell.get((name, budget))
            value, text, clear = (None, "", False) if one is None else of(one)
            row.append(text)
            numbers.append(value)
            if clear:
                bold.add((line, column))
        rows.append(row)
        values.append(numbers)
    return Table(title, [budget_text(budget) for budget in budgets], rows, values, frozenset(bold), note)


def _differences(comparison: Comparison) -> Table:
    def of(one: Against) -> tuple[float | None, str, bool]:
        return 100 * one.difference.mean, _interval(one), one.verdict != "level"

    return _compared(
        comparison,
        "Difference to dynamic random, in percentage points",
        of,
        "At the same budget, paired by seed, with the 95% interval. Bold where it is clear for all "
        "comparisons of this table together (Holm, 5%).",
    )


def _equal_cost(comparison: Comparison) -> Table:
    def of(one: Against) -> tuple[float | None, str, bool]:
        if one.equal_cost is None:
            return None, "not measured", False
        share = "" if one.time_share is None else f", {one.time_share:.2f} of full"
        return (
            100 * one.equal_cost.mean,
            f"{100 * one.equal_cost.mean:+.2f}{share}",
            bool(one.beats_equal_cost),
        )

    return _compared(
        comparison,
        "Difference to random samples for the same seconds, in percentage points",
        of,
        "Against the line through dynamic random at its budgets and full training, scoring included; and the "
        "time as a share of full training. A sample trained on costs the same for all. Bold where the 95% "
        "interval is above zero. Not measured: outside of the line.",
    )


def _interval(one: Against) -> str:
    text = f"{100 * one.difference.mean:+.2f}"
    if one.difference.low is None or one.difference.high is None:
        return f"{text} (1 trial)"
    return f"{text} [{100 * one.difference.low:+.2f}, {100 * one.difference.high:+.2f}]"


def _spread(cell: Cell, field: str) -> str:
    return percent([getattr(row, field) for row in cell.rows])


def percent(values: Sequence[float]) -> str:
    """Values in 0..1 as mean ± std (n), in %."""
    from curate.statistics import spread

    summary = spread([100 * value for value in values])
    std = "" if summary.std is None else f" ± {summary.std:.2f}"
    return f"{summary.mean:.2f}{std} ({summary.n})"


def _mean(cell: Cell, field: str) -> float:
    return float(sum(100 * getattr(row, field) for row in cell.rows) / len(cell.rows))


def _seconds(cell: Cell) -> tuple[float | None, str]:
    seconds = cell.seconds()
    if seconds is None:
        return None, "unknown"
    std = "" if seconds.std is None else f" ± {seconds.std:.1f}"
    return seconds.mean, f"{seconds.mean:.1f}{std} ({seconds.n})"


def _seen(cell: Cell) -> tuple[float | None, str]:
    mean = sum(row.samples_seen + row.scoring_samples_seen for row in cell.rows) / len(cell.rows)
    return mean, f"{mean:,.0f}"


def markdown(table: Table) -> list[str]:
    """The lines of a table in Markdown."""
    lines = ["| | " + " | ".join(table.columns) + " |", "|---|" + "---|" * len(table.columns)]
    for number, (name, *texts) in enumerate(table.rows):
        cells = [
            f"**{text}**" if (number, column) in table.bold else text for column, text in enumerate(texts)
        ]
        lines.append(f"| {in_markdown(name)} | " + " | ".join(cells) + " |")
    return lines
