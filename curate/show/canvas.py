"""What all figures of a report have: a canvas, the looks of methods, a legend, and how it becomes pictures.

Colours are those of Okabe and Ito, which the colour-blind tell apart, and every method has a marker of its
own. Methods are drawn in colour, controls in grey.
"""

import io
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from curate.recipes.comparison import Cell, Comparison, control_of
from curate.text import in_html

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8C564B", "#6A51A3")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<")
INK, GREY = "#010101", "#888888"  # the first is a sentinel: on a page it becomes the colour of its text
CONTROL_LINES: dict[str, Any] = {
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


def pictures(figure: Any, name: str, title: str, text: str) -> Figure:
    """A drawn figure as PNG and SVG, and closed."""
    import matplotlib.pyplot as plt

    png, svg = io.BytesIO(), io.StringIO()
    figure.savefig(png, format="png", dpi=160, facecolor="white")
    figure.savefig(svg, format="svg", transparent=True, metadata={"Date": None})
    plt.close(figure)
    return Figure(name, title, text, png.getvalue(), svg.getvalue())


def inline(figure: Figure) -> str:
    """The SVG for a page: its ink is the page's, its ids are its own, and it says what it shows."""
    svg = figure.svg[figure.svg.index("<svg") :].replace(INK, "currentColor")
    svg = re.sub(r'(id="|href="#|url\(#)', rf"\g<1>{figure.name}-", svg)
    label = in_html(f"{figure.title}. {figure.text}")
    sized = re.compile(r'<svg ([^>]*?)width="[^"]*" height="[^"]*"')
    return sized.sub(lambda found: f'<svg role="img" aria-label="{label}" {found[1]}', svg, count=1)


def canvas(x: str, y: str) -> tuple[Any, Any]:
    """An empty figure and its axes, with what they measure."""
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
            ("text.color", "axes.labelcolor", "xtick.color", "ytick.color", "axes.edgecolor"), INK
        ),
    }
    mpl.rcParams.update(settings)  # type: ignore[arg-type]
    figure, axes = plt.subplots(figsize=_SIZE, layout="constrained")
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.grid(color=GREY, alpha=0.25, linewidth=0.6)
    return figure, axes


def styles_of(comparison: Comparison) -> dict[str, dict[str, Any]]:
    """How each method is drawn: colours for what is judged, grey for controls."""
    styles: dict[str, dict[str, Any]] = {}
    kinds = {row.name: control_of(row) for row in comparison.rows}
    number = 0
    for name in comparison.methods:
        kind = kinds[name]
        if kind is None:
            colour = COLOURS[number % len(COLOURS)]
            marker = MARKERS[(number + number // len(COLOURS)) % len(MARKERS)]
            line = "-" if number < len(COLOURS) else (0, (5, 1.5))
            styles[name] = {"color": colour, "marker": marker, "linestyle": line}
            number += 1
        else:
            styles[name] = {"color": GREY, "marker": ".", "linestyle": CONTROL_LINES[kind]}
    return styles


def draw_lines(
    axes: Any,
    comparison: Comparison,
    point: Callable[[Cell], tuple[float, float] | None],
    styles: Mapping[str, dict[str, Any]] | None = None,
) -> None:
    """A line with error bars for each method."""
    for name, style in (styles or styles_of(comparison)).items():
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


def legend(axes: Any, n: int) -> None:
    """The legend, beside the axes, where it lies on nothing."""
    axes.legend(
        loc="center left",
        bbox_to_anchor=(1.0, 0.5),
        frameon=False,
        fontsize=8.5,
        title=f"mean ± std, n = {n}",
    )


def n_trials(comparison: Comparison) -> int:
    """The trials of the cell that has the fewest."""
    return min((len(cell.rows) for cell in comparison.cells.values()), default=0)


def finish(axes: Any, comparison: Comparison) -> None:
    """The legend, and a warning where there are fewer than three trials."""
    n = n_trials(comparison)
    legend(axes, n)
    if n < 3:
        axes.set_title(f"fewer than 3 trials (n = {n}): read little into this", color="#B00020", fontsize=10)


def plain_numbers(axis: Any) -> None:
    """Ticks of a logarithmic axis as numbers: 30, 1,000."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    low, high = sorted(axis.get_view_interval())
    few = high / max(low, 1e-12) < 30
    axis.set_major_locator(LogLocator(subs=(1, 2, 5) if few else (1,)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}" if value >= 10 else f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())
