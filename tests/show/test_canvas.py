"""What all figures have: looks that tell methods apart, plain numbers, and ids of their own on a page."""

import json
import re
from dataclasses import replace

import pytest
from helpers.results import ROW

from curate.recipes.comparison import Comparison
from curate.show.canvas import (
    canvas,
    draw_lines,
    finish,
    inline,
    n_trials,
    pictures,
    plain_numbers,
    styles_of,
)


def results(names, seeds=3):
    return Comparison(
        [
            replace(
                ROW,
                key=f"{name}{seed}",
                name=name,
                seed=seed,
                varied='{"keep": "0.1"}',
                settings='{"policy": "ucb"}',
            )
            for name in names
            for seed in range(seeds)
        ]
    )


def test_no_two_methods_look_alike_and_controls_are_grey():
    many = results([f"method {number}" for number in range(20)])
    looks = {(style["color"], style["marker"]) for style in styles_of(many).values()}
    assert len(looks) == 20
    assert "#888888" not in {colour for colour, _ in looks}
    drawn = replace(
        ROW,
        name="random",
        settings=json.dumps({"policy": "random", "hyperparameters": {"n_epochs": 20}}),
        varied='{"keep": "0.1"}',
    )
    assert styles_of(Comparison([drawn]))["random"]["color"] == "#888888"


def test_the_cell_of_fewest_trials_is_what_a_legend_says():
    uneven = Comparison([row for row in results(["a", "b"]).rows if row.name == "a" or row.seed < 2])
    assert n_trials(uneven) == 2
    figure, axes = canvas("x", "y")
    draw_lines(axes, uneven, lambda cell: (1.0, cell.accuracy.mean))
    finish(axes, uneven)
    assert axes.get_legend().get_title().get_text() == "mean ± std, n = 2"
    assert "fewer than 3 trials" in axes.get_title()
    pictures(figure, "a", "b", "c")


@pytest.mark.parametrize(
    ("low", "high", "shown"), [(20, 90, "50"), (100, 90_000, "10,000"), (0.02, 90, "0.1")]
)
def test_logarithmic_ticks_are_plain_numbers(low, high, shown):
    figure, axes = canvas("x", "y")
    axes.plot([low, high], [1, 2])
    axes.set_xscale("log")
    plain_numbers(axes.xaxis)
    figure.canvas.draw()
    assert shown in {tick.get_text() for tick in axes.get_xticklabels()}
    pictures(figure, "a", "b", "c")


def test_two_figures_of_one_page_share_no_id():
    pages = []
    for name in ("one", "two"):
        figure, axes = canvas("x", "y")
        axes.plot([1, 2], [1, 2])
        pages.append(inline(pictures(figure, name, "A title", "words & more")))
    one, two = (set(re.findall(r'id="([^"]*)"', page)) for page in pages)
    assert one
    assert not one & two
    assert 'aria-label="A title. words &amp; more"' in pages[0]
