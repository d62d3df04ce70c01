"""A comparison on the terminal: a heat map of correlations, then overlaps, stability and classes.

Inputs go by their names where these fit the terminal, else by numbers with a legend. A grid that is too
wide is printed in parts, so that nothing is cut off. Colour only underlines what the numbers say.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations
from pathlib import Path

import numpy as np
from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.padding import Padding
from rich.style import Style
from rich.table import Table
from rich.text import Text

from curate.statistics import Spread
from curate.verbs.compare import Budget, Comparison, Input

_GAP = 2  # columns between the cells of a grid
_MANY = 40  # classes, beyond which only those of the largest difference are shown
_NUMBER = 6  # columns of a number, and of the head of a budget
_LOW, _MIDDLE, _HIGH = (33, 102, 172), (247, 247, 247), (178, 24, 43)  # blue, white, red: -1, 0, 1


@dataclass(frozen=True)
class _Cell:
    text: str
    heat: float | None = None  # -1 to 1


def print_comparison(comparison: Comparison, console: Console) -> None:
    """Print everything that was comparison, to fit the width of the terminal."""
    names = short_names([one.path for one in comparison.inputs])
    numbered = not _fits(names, len(comparison.budgets), console.width)
    if numbered:
        names = [f"[{number}]" for number in range(1, len(names) + 1)]
    dataset = comparison.dataset
    console.print(Text(f"{dataset.n:,} samples of {dataset.reference} ({dataset.split})", "bold"))
    legend = Table.grid(padding=(0, 1))
    if numbered:
        legend.add_column(no_wrap=True)
    legend.add_column(overflow="fold")
    for name, one in zip(names, comparison.inputs, strict=True):
        described = Text(f"{one.path}: {_how(one)}")
        legend.add_row(*([Text(name)] if numbered else []), described)
    console.print(Padding(legend, (0, 0, 0, 2), expand=False))
    _print_correlations(comparison, names, console)
    _print_overlaps(comparison, names, console)
    _print_selected(comparison, names, console)
    _print_stability(comparison, console)
    _print_classes(comparison, names, console)


def short_names(paths: Sequence[str]) -> list[str]:
    """As many last parts of each path as tell them all apart, without the ending of a table."""
    parts = [
        Path(path).with_suffix("").parts if path.endswith(".parquet") else Path(path).parts for path in paths
    ]
    deepest = max(len(part) for part in parts)
    for depth in range(1, deepest + 1):
        names = ["/".join(part[-depth:]) for part in parts]
        if len(set(names)) == len(set(paths)):
            return names
    return list(paths)


def budget_label(budget: Budget) -> str:
    """`5%` for a fraction, `600` for a count."""
    value = Fraction(budget.keep)
    is_count = value > 1 and "." not in budget.keep
    return f"{budget.n_kept:,}" if is_count else f"{100 * float(value):.4g}%"


def _fits(names: Sequence[str], n_budgets: int, width: int) -> bool:
    """Whether the heat map and the overlaps of pairs can be printed in one part with these names."""
    longest = max(cell_len(name) for name in names)
    heat_map = 2 + longest + sum(_GAP + max(_NUMBER, cell_len(name)) for name in names)
    overlaps = 2 + 2 * longest + 3 + n_budgets * (_GAP + _NUMBER)
    return max(heat_map, overlaps) <= width


def _how(one: Input) -> str:
    """What an input ranks by, in words."""
    if one.n_selected is None:
        return f"{one.kind}, hardest first by {one.ranked_by}"
    by = "in its rank" if one.ranked_by == "rank" else "most often selected first"
    return f"{one.kind} of {one.n_selected:,} selected, {by}"


def _print_correlations(comparison: Comparison, names: Sequence[str], console: Console) -> None:
    places = combinations(range(len(names)), 2)
    known = {place: pair.spearman for place, pair in zip(places, comparison.pairs, strict=True)}

    def cell(row: int, column: int) -> _Cell:
        if row == column:
            return _Cell("1.00", 1.0)
        value = known[min(row, column), max(row, column)]
        return _Cell("-") if value is None else _Cell(f"{value:z.2f}", value)

    everyone = range(len(names))
    rows = [(names[row], [cell(row, column) for column in everyone]) for row in everyone]
    _grid("Spearman correlation of the rankings", names, rows, console)


def _print_overlaps(comparison: Comparison, names: Sequence[str], console: Console) -> None:
    pairs = _pair_names(names)
    rows = [
        (name, [_Cell(f"{overlap:.3f}") for overlap in pair.overlaps])
        for name, pair in zip(pairs, comparison.pairs, strict=True)
    ]
    rows.append(("random", [_Cell(f"{budget.random_overlap:.3f}") for budget in comparison.budgets]))
    heads = [budget_label(budget) for budget in comparison.budgets]
    _grid("overlap of what is kept (Jaccard), by budget", heads, rows, console)


def _print_selected(comparison: Comparison, names: Sequence[str], console: Console) -> None:
    rows = [
        (name, [_Cell(f"{pair.selected:.3f}"), _Cell(f"{pair.selected_random:.3f}")])
        for name, pair in zip(_pair_names(names), comparison.pairs, strict=True)
        if pair.selected is not None
    ]
    if rows:
        _grid("overlap of the sets selected (Jaccard)", ["found", "random"], rows, console)


def _print_stability(comparison: Comparison, console: Console) -> None:
    stable = comparison.stability
    if stable is None:
        return
    sign = "±" if console.encoding.lower().startswith("utf") else "+-"

    def cell(value: Spread | None) -> _Cell:
        if value is None:
            return _Cell("-")
        return _Cell(f"{value.mean:.3f}" + ("" if value.std is None else f" {sign} {value.std:.3f}"))

    known = stable.spearman.n if stable.spearman else 0
    fewer = "" if known == stable.n_pairs else f" ({known} pairs)"
    rows = [(f"Spearman{fewer}", [cell(stable.spearman), _Cell("0")])]
    for budget, overlap in zip(comparison.budgets, stable.overlaps, strict=True):
        rows.append(
            (f"overlap at {budget_label(budget)}", [cell(overlap), _Cell(f"{budget.random_overlap:.3f}")])
        )
    _grid(f"stability over n = {stable.n_pairs} pairs", [f"mean {sign} std", "random"], rows, console)


def _print_classes(comparison: Comparison, names: Sequence[str], console: Console) -> None:
    if comparison.classes is None:
        return
    shown = comparison.classes
    if len(shown) > _MANY:
        shown = sorted(shown, key=lambda one: -one.difference)[:_MANY]
    rows = [(one.name, [_Cell(f"{share:.1%}") for share in [*one.shares, one.difference]]) for one in shown]
    _grid(f"kept per class at {budget_label(comparison.budgets[0])}", [*names, "differ"], rows, console)
    if len(shown) < len(comparison.classes):
        rest = len(comparison.classes) - len(shown)
        console.print(Text(f"  {rest:,} more classes differ no more than these: --json has them all"))
    worst = max(comparison.classes, key=lambda one: one.difference)
    points = f"{100 * worst.difference:.1f} points"
    console.print(Text(f"  largest difference: {points} in class {worst.name}"))


def _pair_names(names: Sequence[str]) -> list[str]:
    return [f"{one} | {other}" for i, one in enumerate(names) for other in names[i + 1 :]]


def _grid(
    title: str, heads: Sequence[str], rows: Sequence[tuple[str, list[_Cell]]], console: Console
) -> None:
    """Named rows of cells under heads, right-aligned; in several parts where the terminal is narrow."""
    console.print()
    console.print(Text(title, "bold"))
    side = min(max(cell_len(name) for name, _ in rows), max(8, console.width // 2))
    widths = [
        max(_NUMBER, cell_len(head), *(len(cells[column].text) for _, cells in rows))
        for column, head in enumerate(heads)
    ]
    start = 0
    while start < len(heads):
        end, used = start + 1, 2 + side + _GAP + widths[start]
        while end < len(heads) and used + _GAP + widths[end] <= console.width:
            used += _GAP + widths[end]
            end += 1
        part = range(start, end)
        line = Text(" " * (2 + side), "dim")
        for column in part:
            line.append(" " * _GAP + " " * (widths[column] - cell_len(heads[column])) + heads[column])
        console.print(line, soft_wrap=True)
        for name, cells in rows:
            line = Text(f"  {_shortened(name, side)}")
            for column in part:
                line.append(" " * _GAP)
                line.append(f"{cells[column].text:>{widths[column]}}", _heat(cells[column].heat, console))
            console.print(line, soft_wrap=True)
        start = end


def _shortened(name: str, width: int) -> str:
    """A name in exactly `width` columns."""
    return set_cell_size(name if cell_len(name) <= width else f"{set_cell_size(name, width - 3)}...", width)


def _heat(value: float | None, console: Console) -> Style | None:
    """The colours of a cell: blue for -1, white for 0, red for 1; of the text alone where colours are few."""
    if value is None:
        return None
    if console.color_system in ("standard", "windows"):
        return Style(color="red" if value > 0 else "blue", bold=True) if abs(value) >= 0.5 else None
    end = _HIGH if value > 0 else _LOW
    mixed = [round(middle + abs(value) * (pole - middle)) for middle, pole in zip(_MIDDLE, end, strict=True)]
    dark = np.dot(mixed, (0.299, 0.587, 0.114)) < 128
    red, green, blue = mixed
    return Style(color="#ffffff" if dark else "#000000", bgcolor=f"rgb({red},{green},{blue})")
