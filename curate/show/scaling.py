"""Test error against the number of samples, log-log, with the exponent of a power law fitted.

Source: Sorscher et al. 2022, "Beyond neural scaling laws", which draws it so.
"""

import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from curate.recipes.comparison import Comparison, control_of
from curate.show.canvas import COLOURS, CONTROL_LINES, GREY, MARKERS, canvas, plain_numbers


def scaling(comparison: Comparison) -> tuple[Any, str, str] | None:
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
    figure, axes = canvas("samples trained on", "test error in %")
    number, parts = 0, []
    for (name, kind), points in lines.items():
        xs = np.array(sorted(points))
        ys = np.array([np.mean(points[x]) for x in xs])
        if kind:
            style: dict[str, Any] = {"color": GREY, "marker": ".", "linestyle": CONTROL_LINES[kind]}
        else:
            style = {"color": COLOURS[number % 8], "marker": MARKERS[number % 8], "linestyle": "-"}
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
        plain_numbers(axis)
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
