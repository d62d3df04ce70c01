"""Figures of a report, drawn with matplotlib: accuracy against budget, time and samples; sweeps.

Every figure is one function of a comparison.
"""

import json
import textwrap
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from curate.recipes.comparison import Cell, Comparison, budget_of, control_of
from curate.selection.budget import count_to_keep
from curate.selection.groups import FEWEST_CHECKPOINTS, fit_groups
from curate.show.canvas import (
    COLOURS,
    GREY,
    INK,
    MARKERS,
    Figure,
    canvas,
    draw_lines,
    finish,
    legend,
    n_trials,
    pictures,
    plain_numbers,
    styles_of,
)
from curate.show.scaling import scaling
from curate.statistics import spread

_TITLE_WIDTH = 30  # letters of a title over a third of a figure


def draw(name: str, comparison: Comparison, options: Mapping[str, Any]) -> list[Figure]:
    """The figure of that name, one for each data set and model; none where there is nothing to show.

    `options` is the table [report] of a recipe: `sweep` lists the hyperparameters of the figure of that name.
    """
    if name == "sweep":
        return [
            pictures(swept[0], f"sweep-{parameter}", *swept[1:])
            for parameter in options.get("sweep", [])
            if (swept := _sweep(comparison, parameter)) is not None
        ]
    parts = {"": comparison} if name == "scaling" else comparison.parts
    figures = []
    for number, (about, part) in enumerate(parts.items(), 1):
        drawn = _FIGURES[name](part)
        if drawn is not None:
            figure, title, text = drawn
            called, title = (f"{name}-{number}", f"{title}, {about}") if about else (name, title)
            figures.append(pictures(figure, called, title, text))
    return figures


def _accuracies(comparison: Comparison) -> str:
    parts = []
    for (name, budget), cell in comparison.cells.items():
        parts.append(f"{name} at {budget or 'all'}: {100 * cell.accuracy.mean:.2f}")
    return "Test accuracy in %. " + "; ".join(parts) + "."


def _keep(comparison: Comparison) -> tuple[Any, str, str] | None:
    shares = {budget: share_of(budget, comparison.rows[0].n) for budget in comparison.budgets if budget}
    if not shares:
        return None
    if len(shares) == 1:
        return _one_budget(comparison, *shares)
    figure, axes = canvas("samples kept, in % of all", "test accuracy in %")
    partly = Comparison([row for row in comparison.rows if budget_of(row) is not None])

    def point(cell: Cell) -> tuple[float, float]:
        return shares[str(budget_of(cell.rows[0]))], 100 * cell.accuracy.mean

    draw_lines(axes, partly, point, styles_of(comparison))
    for name, style in styles_of(comparison).items():
        whole = comparison.cells.get((name, None))
        if whole is not None:  # there is no budget to place it at: a line across
            mean, std = 100 * whole.accuracy.mean, 100 * (whole.accuracy.std or 0.0)
            axes.axhline(mean, label=name, color=style["color"], linestyle=style["linestyle"], linewidth=1.5)
            axes.axhspan(mean - std, mean + std, color=style["color"], alpha=0.15, linewidth=0)
    axes.set_xscale("log")
    ticks = {
        share: 100 * float(budget) if _is_share(budget) else 100 * share for budget, share in shares.items()
    }
    axes.set_xticks(list(ticks), [f"{tick:.3g}" for tick in ticks.values()])
    axes.minorticks_off()
    finish(axes, comparison)
    return figure, "Accuracy against what is kept", _accuracies(comparison)


def _one_budget(comparison: Comparison, budget: str) -> tuple[Any, str, str]:
    """Where there is one budget: a line for each method, so that no point hides another."""
    figure, axes = canvas("test accuracy in %", "")
    styles = styles_of(comparison)
    for place, (name, style) in enumerate(reversed(styles.items())):
        cell = comparison.cells.get((name, budget)) or comparison.cells[name, None]
        mark = {**style, "linestyle": "none"}
        error = 100 * (cell.accuracy.std or 0.0)
        axes.errorbar(
            [100 * cell.accuracy.mean],
            [place],
            xerr=[error],
            capsize=2.5,
            markersize=7,
            linewidth=1.5,
            **mark,
        )
    axes.set_yticks(range(len(styles)), list(reversed(styles)))
    axes.margins(y=0.1)
    n = n_trials(comparison)
    few = f"; fewer than 3 trials (n = {n}): read little into this" if n < 3 else ""
    axes.set_title(f"keep {budget}, mean ± std, n = {n}{few}", fontsize=10, color="#B00020" if few else INK)
    return figure, f"Accuracy at keep {budget}", _accuracies(comparison)


def _is_share(budget: str) -> bool:
    return "." in budget and ":" not in budget


def share_of(budget: str, n: int) -> float:
    """The share of `n` samples that a budget means; of a range, the middle."""
    parts = [count_to_keep(part, n) / n for part in budget.split(":")]
    return sum(parts) / len(parts)


def _seconds(comparison: Comparison) -> tuple[Any, str, str] | None:
    timed = {key: cell for key, cell in comparison.cells.items() if cell.seconds() is not None}
    if not timed:
        return None
    figure, axes = canvas(
        "seconds of selecting and training; open marks: of scoring too", "test accuracy in %"
    )

    def without(cell: Cell) -> tuple[float, float] | None:
        seconds = cell.seconds(scoring=False)
        return None if seconds is None else (seconds.mean, 100 * cell.accuracy.mean)

    draw_lines(axes, comparison, without)
    styles = styles_of(comparison)
    for (name, _budget), cell in timed.items():
        with_scoring, alone = cell.seconds(), cell.seconds(scoring=False)
        if with_scoring and alone and with_scoring.mean > 1.01 * alone.mean:
            mark = {**styles[name], "linestyle": "none", "markerfacecolor": "none"}
            axes.plot([with_scoring.mean], [100 * cell.accuracy.mean], markersize=7, **mark)
    axes.set_xscale("log")
    plain_numbers(axes.xaxis)
    finish(axes, comparison)
    text = "; ".join(
        f"{name} at {budget or 'all'}: {100 * cell.accuracy.mean:.2f} % for {seconds.mean:.1f} s"
        for (name, budget), cell in timed.items()
        if (seconds := cell.seconds()) is not None
    )
    return figure, "Accuracy against time", f"{text}."


def _samples(comparison: Comparison) -> tuple[Any, str, str] | None:
    figure, axes = canvas("samples seen in training, those of scoring included", "test accuracy in %")

    def seen(cell: Cell) -> tuple[float, float]:
        numbers = [row.samples_seen + row.scoring_samples_seen for row in cell.rows]
        return sum(numbers) / len(numbers), 100 * cell.accuracy.mean

    draw_lines(axes, comparison, seen)
    axes.set_xscale("log")
    plain_numbers(axes.xaxis)
    finish(axes, comparison)
    return figure, "Accuracy against samples seen", _accuracies(comparison)


def _medians(comparison: Comparison) -> tuple[Any, str, str] | None:
    budgets = [budget for budget in comparison.budgets if budget is not None]
    if not budgets:
        return None
    figure, axes = canvas("samples", "test accuracy in %, median")
    styles = styles_of(comparison)
    parts = []
    n = comparison.rows[0].n
    sizes = {budget: n if budget is None else round(share_of(budget, n) * n) for budget in comparison.budgets}
    for name, style in styles.items():
        points = [
            (size, 100 * cell.accuracy.median)
            for budget, size in sizes.items()
            if (cell := comparison.cells.get((name, budget))) is not None
        ]
        axes.plot(*zip(*points, strict=True), label=name, markersize=5, linewidth=1.5, **style)
        parts.append(name + ": " + ", ".join(f"{y:.2f} at {x:,.0f}" for x, y in points))
    axes.set_xscale("log")
    ticks = sorted(set(sizes.values()))
    axes.set_xticks(ticks, [f"{size:,}" for size in ticks], rotation=40, ha="right")
    axes.minorticks_off()
    axes.legend(
        loc="center left",
        bbox_to_anchor=(1.0, 0.5),
        frameon=False,
        fontsize=8.5,
        title=f"median, n = {n_trials(comparison)}",
    )
    return figure, "Medians", "Median test accuracy in %. " + "; ".join(parts) + "."


def _distribution(comparison: Comparison) -> tuple[Any, str, str] | None:
    """How many samples are selected how often, and the mixture that fits; one part for each method."""
    counted = {
        key: cell
        for key, cell in comparison.cells.items()
        if all(row.times_selected for row in cell.rows) and control_of(cell.rows[0]) != "early-stop"
    }
    if not counted:
        return None
    import matplotlib.pyplot as plt
    from matplotlib.ticker import MaxNLocator

    figure, axes = canvas("", "")
    plt.close(figure)
    columns = 3 if len(counted) > 4 else 2 if len(counted) > 1 else 1
    lines = -(-len(counted) // columns)
    figure, grid = plt.subplots(
        lines, columns, figsize=(7.6, 2.3 * lines + 0.4), layout="constrained", squeeze=False, sharey=False
    )
    parts = []
    for axes in grid.flat[len(counted) :]:
        axes.axis("off")
    for axes, ((name, budget), cell) in zip(grid.flat, counted.items(), strict=False):
        longest = max(len(row.times_selected) for row in cell.rows)
        histogram = np.zeros(longest, np.int64)
        for row in cell.rows:
            histogram[: len(row.times_selected)] += row.times_selected
        share = 100 * histogram / histogram.sum()
        axes.bar(np.arange(longest), share, width=0.85, color=COLOURS[0], alpha=0.75)
        n_checkpoints = longest - 1
        told = f"none {share[0]:.1f} %, all {share[-1]:.1f} %"
        if n_checkpoints >= FEWEST_CHECKPOINTS:
            groups = fit_groups(np.repeat(np.arange(longest), histogram), n_checkpoints)
            axes.plot(np.arange(longest), 100 * groups.expected, color=COLOURS[1], linewidth=1.5)
            told += ", random explains it" if groups.random_explains else ""
        axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
        words = (f"{name}, keep {budget}", told)
        axes.set_title("\n".join(textwrap.fill(part, _TITLE_WIDTH) for part in words), fontsize=8.5)
        axes.grid(color=GREY, alpha=0.25, linewidth=0.6)
        parts.append(f"{name} at {budget}: {told}")
    figure.supxlabel("checkpoints that select a sample", fontsize=10)
    figure.supylabel("% of samples", fontsize=10)
    text = "Share of samples by the number of checkpoints that select them. " + "; ".join(parts) + "."
    return figure, "How often samples are selected (bars), and the fitted mixture (line)", text


def _sweep(comparison: Comparison, swept: str) -> tuple[Any, str, str] | None:
    """Accuracy against one hyperparameter, a line for each budget and for what else varies."""
    lines: dict[str, dict[float, list[float]]] = {}
    for row in comparison.rows:
        varied = json.loads(row.varied)
        value = varied.pop(swept, None)
        if not isinstance(value, int | float):
            continue
        told = ", ".join(f"{name} {one}" for name, one in varied.items())
        lines.setdefault(told, {}).setdefault(float(value), []).append(100 * row.accuracy)
    if not lines:
        return None
    figure, axes = canvas(swept.replace("-", " "), "test accuracy in %")
    parts = []
    for number, (told, points) in enumerate(lines.items()):
        xs = sorted(points)
        summaries = [spread(points[x]) for x in xs]
        style = {"color": COLOURS[number % len(COLOURS)], "marker": MARKERS[number % len(MARKERS)]}
        axes.errorbar(
            xs, [s.mean for s in summaries], [s.std or 0 for s in summaries], label=told, capsize=2.5, **style
        )
        parts.append(
            f"{told}: " + ", ".join(f"{s.mean:.2f} at {x:g}" for x, s in zip(xs, summaries, strict=True))
        )
    n = min(len(values) for points in lines.values() for values in points.values())
    legend(axes, n)
    return figure, f"Accuracy against {swept}", "; ".join(parts) + "."


_FIGURES: dict[str, Callable[[Comparison], tuple[Any, str, str] | None]] = {
    "keep": _keep,
    "seconds": _seconds,
    "samples": _samples,
    "distribution": _distribution,
    "medians": _medians,
    "scaling": scaling,
}
