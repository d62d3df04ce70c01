"""Figures of a report, drawn with matplotlib: accuracy against budget, time and samples; distributions; laws.

Every figure is one function of a comparison. Colours are those of Okabe and Ito, which the colour-blind tell
apart, and every method has a marker of its own. Methods are drawn in colour, controls in grey.
"""

import html
import io
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from curate.recipes.comparison import Cell, Comparison, budget_of, control_of
from curate.selection.budget import count_to_keep
from curate.selection.groups import FEWEST_CHECKPOINTS, fit_groups
from curate.statistics import spread
from curate.verbs.naming import public

_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8C564B", "#6A51A3")
_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<")
_INK, _GREY = "#010101", "#888888"  # the first is a sentinel: on a page it becomes the colour of its text
_CONTROL_LINES: dict[str, Any] = {
    "full": ":",
    "early-stop": "-.",
    "random": "--",
    "static-random": (0, (1, 1.5)),
}
_SIZE = (7.6, 4.2)


@dataclass(frozen=True)
class Figure:
    """A figure as pictures, and in words: its title, and what it shows for who cannot see it."""

    name: str
    title: str
    text: str
    png: bytes
    svg: str


def draw(name: str, comparison: Comparison, options: Mapping[str, Any]) -> list[Figure]:
    """The figure of that name, one for each data set and model; none where there is nothing to show.

    `options` is the table [report] of a recipe: `sweep` lists the hyperparameters of the figure of that name.
    """
    if name == "sweep":
        return [
            _pictures(swept[0], f"sweep-{parameter}", *swept[1:])
            for parameter in options.get("sweep", [])
            if (swept := _sweep(comparison, parameter)) is not None
        ]
    groups: dict[tuple[str, str], list[Any]] = {}
    for row in comparison.rows:
        groups.setdefault(("", "") if name in ("scaling", "sweep") else (row.dataset, row.model), []).append(
            row
        )
    figures = []
    for number, ((dataset, model), rows) in enumerate(groups.items(), 1):
        about = "" if len(groups) == 1 else f", {public(dataset)}, {model}"
        called = name if len(groups) == 1 else f"{name}-{number}"
        drawn = _FIGURES[name](Comparison(rows))
        if drawn is not None:
            figure, title, text = drawn
            figures.append(_pictures(figure, called, title + about, text))
    return figures


def _pictures(figure: Any, name: str, title: str, text: str) -> Figure:
    import matplotlib.pyplot as plt

    png, svg = io.BytesIO(), io.StringIO()
    figure.savefig(png, format="png", dpi=160, facecolor="white")
    figure.savefig(svg, format="svg", transparent=True, metadata={"Date": None})
    plt.close(figure)
    return Figure(name, title, text, png.getvalue(), svg.getvalue())


def inline(figure: Figure) -> str:
    """The SVG for a page: its ink is the page's, its ids are its own, and it says what it shows."""
    svg = figure.svg[figure.svg.index("<svg") :].replace(_INK, "currentColor")
    svg = re.sub(r'(id="|href="#|url\(#)', rf"\g<1>{figure.name}-", svg)
    label = html.escape(f"{figure.title}. {figure.text}", quote=True)
    sized = re.compile(r'<svg ([^>]*?)width="[^"]*" height="[^"]*"')
    return sized.sub(lambda found: f'<svg role="img" aria-label="{label}" {found[1]}', svg, count=1)


def _canvas(x: str, y: str) -> tuple[Any, Any]:
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    settings: dict[str, Any] = {
        "svg.fonttype": "none",
        "svg.hashsalt": "curate",
        "font.family": "sans-serif",
        "font.size": 10,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.axisbelow": True,
        **dict.fromkeys(
            ("text.color", "axes.labelcolor", "xtick.color", "ytick.color", "axes.edgecolor"), _INK
        ),
    }
    mpl.rcParams.update(settings)  # type: ignore[arg-type]
    figure, axes = plt.subplots(figsize=_SIZE, layout="constrained")
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.grid(color=_GREY, alpha=0.25, linewidth=0.6)
    return figure, axes


def _styles(comparison: Comparison) -> dict[str, dict[str, Any]]:
    """How each method is drawn: colours for what is judged, grey for controls."""
    styles: dict[str, dict[str, Any]] = {}
    kinds = {row.name: control_of(row) for row in comparison.rows}
    number = 0
    for name in comparison.methods:
        kind = kinds[name]
        if kind is None:
            colour = _COLOURS[number % len(_COLOURS)]
            marker = _MARKERS[(number + number // len(_COLOURS)) % len(_MARKERS)]
            styles[name] = {"color": colour, "marker": marker, "linestyle": "-"}
            number += 1
        else:
            styles[name] = {"color": _GREY, "marker": ".", "linestyle": _CONTROL_LINES[kind]}
    return styles


def _lines(
    axes: Any,
    comparison: Comparison,
    point: Callable[[Cell], tuple[float, float] | None],
    styles: Mapping[str, dict[str, Any]] | None = None,
) -> None:
    """A line with error bars for each method."""
    for name, style in (styles or _styles(comparison)).items():
        cells = [
            comparison.cells[name, budget]
            for budget in comparison.budgets
            if (name, budget) in comparison.cells
        ]
        placed = [(at, cell) for cell in cells if (at := point(cell)) is not None]
        if not placed:
            continue
        xs = [x for (x, _), _ in placed]
        ys = [y for (_, y), _ in placed]
        errors = [100 * (cell.accuracy.std or 0.0) for _, cell in placed]
        axes.errorbar(xs, ys, errors, label=name, capsize=2.5, markersize=5, linewidth=1.5, **style)


def _legend(axes: Any, n: int) -> None:
    axes.legend(
        loc="center left",
        bbox_to_anchor=(1.0, 0.5),
        frameon=False,
        fontsize=8.5,
        title=f"mean ± std, n = {n}",
    )


def _trials(comparison: Comparison) -> int:
    return min((len(cell.rows) for cell in comparison.cells.values()), default=0)


def _finish(axes: Any, comparison: Comparison) -> None:
    n = _trials(comparison)
    _legend(axes, n)
    if n < 3:
        axes.set_title(f"fewer than 3 trials (n = {n}): read little into this", color="#B00020", fontsize=10)


def _accuracies(comparison: Comparison) -> str:
    parts = []
    for (name, budget), cell in comparison.cells.items():
        parts.append(f"{name} at {budget or 'all'}: {100 * cell.accuracy.mean:.2f}")
    return "Test accuracy in %. " + "; ".join(parts) + "."


def _keep(comparison: Comparison) -> tuple[Any, str, str] | None:
    shares = {budget: share_of(budget, comparison.rows[0].n) for budget in comparison.budgets if budget}
    if not shares:
        return None
    figure, axes = _canvas("samples kept, in % of all", "test accuracy in %")
    partly = Comparison([row for row in comparison.rows if budget_of(row) is not None])

    def point(cell: Cell) -> tuple[float, float]:
        return shares[str(budget_of(cell.rows[0]))], 100 * cell.accuracy.mean

    _lines(axes, partly, point, _styles(comparison))
    for name, style in _styles(comparison).items():
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
    _finish(axes, comparison)
    return figure, "Accuracy against what is kept", _accuracies(comparison)


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
    figure, axes = _canvas(
        "seconds of selecting and training; open marks: of scoring too", "test accuracy in %"
    )

    def without(cell: Cell) -> tuple[float, float] | None:
        seconds = cell.seconds(scoring=False)
        return None if seconds is None else (seconds.mean, 100 * cell.accuracy.mean)

    _lines(axes, comparison, without)
    styles = _styles(comparison)
    for (name, _budget), cell in timed.items():
        with_scoring, alone = cell.seconds(), cell.seconds(scoring=False)
        if with_scoring and alone and with_scoring.mean > 1.01 * alone.mean:
            mark = {**styles[name], "linestyle": "none", "markerfacecolor": "none"}
            axes.plot([with_scoring.mean], [100 * cell.accuracy.mean], markersize=7, **mark)
    axes.set_xscale("log")
    _plain_numbers(axes.xaxis)
    _finish(axes, comparison)
    text = "; ".join(
        f"{name} at {budget or 'all'}: {100 * cell.accuracy.mean:.2f} % for {seconds.mean:.1f} s"
        for (name, budget), cell in timed.items()
        if (seconds := cell.seconds()) is not None
    )
    return figure, "Accuracy against time", f"{text}."


def _samples(comparison: Comparison) -> tuple[Any, str, str] | None:
    figure, axes = _canvas("samples seen in training, those of scoring included", "test accuracy in %")

    def seen(cell: Cell) -> tuple[float, float]:
        numbers = [row.samples_seen + row.scoring_samples_seen for row in cell.rows]
        return sum(numbers) / len(numbers), 100 * cell.accuracy.mean

    _lines(axes, comparison, seen)
    axes.set_xscale("log")
    _plain_numbers(axes.xaxis)
    _finish(axes, comparison)
    return figure, "Accuracy against samples seen", _accuracies(comparison)


def _medians(comparison: Comparison) -> tuple[Any, str, str] | None:
    budgets = [budget for budget in comparison.budgets if budget is not None]
    if not budgets:
        return None
    figure, axes = _canvas("samples", "test accuracy in %, median")
    styles = _styles(comparison)
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
        title=f"median, n = {_trials(comparison)}",
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

    figure, axes = _canvas("", "")
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
        axes.bar(np.arange(longest), share, width=0.85, color=_COLOURS[0], alpha=0.75)
        n_checkpoints = longest - 1
        told = f"none {share[0]:.1f} %, all {share[-1]:.1f} %"
        if n_checkpoints >= FEWEST_CHECKPOINTS:
            groups = fit_groups(np.repeat(np.arange(longest), histogram), n_checkpoints)
            axes.plot(np.arange(longest), 100 * groups.expected, color=_COLOURS[1], linewidth=1.5)
            told += ", random explains it" if groups.random_explains else ""
        axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
        axes.set_title(f"{name}, keep {budget}\n{told}", fontsize=8.5)
        axes.grid(color=_GREY, alpha=0.25, linewidth=0.6)
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
    figure, axes = _canvas(swept.replace("-", " "), "test accuracy in %")
    parts = []
    for number, (told, points) in enumerate(lines.items()):
        xs = sorted(points)
        summaries = [spread(points[x]) for x in xs]
        style = {"color": _COLOURS[number % len(_COLOURS)], "marker": _MARKERS[number % len(_MARKERS)]}
        axes.errorbar(
            xs, [s.mean for s in summaries], [s.std or 0 for s in summaries], label=told, capsize=2.5, **style
        )
        parts.append(
            f"{told}: " + ", ".join(f"{s.mean:.2f} at {x:g}" for x, s in zip(xs, summaries, strict=True))
        )
    n = min(len(values) for points in lines.values() for values in points.values())
    _legend(axes, n)
    return figure, f"Accuracy against {swept}", "; ".join(parts) + "."


def _scaling(comparison: Comparison) -> tuple[Any, str, str] | None:
    """Test error against the number of samples, log-log, with the exponent of a power law fitted."""
    lines: dict[tuple[str, str], dict[float, list[float]]] = {}
    for row in comparison.rows:
        budget = json.loads(row.varied).get("keep")
        name = row.name if budget is None else f"{row.name}, {budget}"
        kind = control_of(row) or ""
        if kind in ("early-stop", "random"):
            continue  # they see other numbers of samples than their budget says
        lines.setdefault((name, kind), {}).setdefault(row.n_selected_per_epoch, []).append(1 - row.accuracy)
    lines = {key: points for key, points in lines.items() if len(points) > 1}
    if not lines:
        return None
    figure, axes = _canvas("samples trained on", "test error in %")
    number, parts = 0, []
    for (name, kind), points in lines.items():
        xs = np.array(sorted(points))
        ys = np.array([np.mean(points[x]) for x in xs])
        if kind:
            style: dict[str, Any] = {"color": _GREY, "marker": ".", "linestyle": _CONTROL_LINES[kind]}
        else:
            style = {"color": _COLOURS[number % 8], "marker": _MARKERS[number % 8], "linestyle": "-"}
            number += 1
        text = f"{name}: no error left"
        if (ys > 0).all():
            slope, error = exponent(xs, [points[x] for x in xs])
            text = f"{name}: exponent {slope:.2f} ± {error:.2f}"
        axes.plot(xs, 100 * ys, label=text, markersize=4.5, linewidth=1.3, **style)
        parts.append(text)
    axes.set_xscale("log")
    axes.set_yscale("log")
    for axis in (axes.xaxis, axes.yaxis):
        _plain_numbers(axis)
    n = min(len(values) for points in lines.values() for values in points.values())
    axes.legend(
        loc="center left",
        bbox_to_anchor=(1.0, 0.5),
        frameon=False,
        fontsize=8,
        title=f"error ~ samples^exponent\nmean, n = {n}",
    )
    return figure, "Error against the number of samples", "Fitted exponents. " + "; ".join(parts) + "."


def exponent(sizes: Sequence[float] | np.ndarray, errors: Sequence[Sequence[float]]) -> tuple[float, float]:
    """The exponent of error ~ size^exponent by least squares on logarithms, and its standard error."""
    points = [
        (np.log(size), np.log(error))
        for size, of in zip(sizes, errors, strict=True)
        for error in of
        if error > 0
    ]
    x, y = (np.array(values) for values in zip(*points, strict=True))
    centred = x - x.mean()
    slope = float((centred * y).sum() / (centred**2).sum())
    left = y - y.mean() - slope * centred
    degrees = max(1, len(x) - 2)
    return slope, float(np.sqrt((left**2).sum() / degrees / (centred**2).sum()))


def _plain_numbers(axis: Any) -> None:
    """Ticks of a logarithmic axis as numbers: 30, 1,000."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    low, high = sorted(axis.get_view_interval())
    few = high / max(low, 1e-12) < 30
    axis.set_major_locator(LogLocator(subs=(1, 2, 5) if few else (1,)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}" if value >= 10 else f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())


_FIGURES: dict[str, Callable[[Comparison], tuple[Any, str, str] | None]] = {
    "keep": _keep,
    "seconds": _seconds,
    "samples": _samples,
    "distribution": _distribution,
    "medians": _medians,
    "scaling": _scaling,
}
