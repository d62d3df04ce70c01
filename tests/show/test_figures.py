"""Figures: every kind is drawn, says in words what it shows, and lets no label lie on another."""

import json
import re
from dataclasses import replace
from xml.etree import ElementTree

import pytest
from helpers.results import ROW

from curate.recipes.comparison import Comparison
from curate.recipes.schema import FIGURES
from curate.show import figures as room
from curate.show.canvas import inline
from curate.show.figures import _FIGURES, draw, share_of


def rows(name="ours", keeps=("0.1", "0.3"), seeds=3, **more):
    settings = json.dumps({"policy": more.pop("policy", "ucb"), "hyperparameters": {"n_epochs": 20}})
    varied = more.pop("varied", {})
    return [
        replace(
            ROW,
            key=f"{name}{keep}{seed}{more}",
            name=name,
            settings=settings,
            varied=json.dumps({**({"keep": keep} if keep else {}), **varied}),
            seed=seed,
            n=1000,
            n_selected_per_epoch=1000 * float(keep or 1),
            samples_seen=int(20000 * float(keep or 1)),
            accuracy=0.9 + 0.01 * seed + 0.05 * float(keep or 1),
            scoring_seconds=1.0,
            times_selected=[5, 10, 20, 40, 50, 60, 70, 50, 20, 10],
            **more,
        )
        for keep in keeps
        for seed in range(seeds)
    ]


FULL = [replace(row, times_selected=[]) for row in rows("full", [None], policy="full")]
ROWS = [*rows(), *rows("random", policy="random"), *FULL]
SWEPT = [row for period in (1, 5, 10) for row in rows(f"period {period}", varied={"period": period})]
SIZES = [
    replace(row, n_selected_per_epoch=size, accuracy=1 - 0.5 * size**-0.4, dataset=f"mnist+per-class={size}")
    for size in (100, 1000, 10000)
    for row in rows("hard", ["0.5"])
]


def texts(figure):
    """The texts of a figure with the boxes that they take, in pixels."""
    return re.findall(r"<text[^>]*>([^<]*)</text>", figure.svg)


@pytest.mark.parametrize(
    ("name", "given", "options", "label"),
    [
        ("keep", ROWS, {}, "samples kept, in % of all"),
        ("seconds", ROWS, {}, "seconds of selecting and training; open marks: of scoring too"),
        ("samples", ROWS, {}, "samples seen in training, those of scoring included"),
        ("medians", ROWS, {}, "test accuracy in %, median"),
        ("distribution", ROWS, {}, "checkpoints that select a sample"),
        ("sweep", SWEPT, {"sweep": ["period"]}, "period"),
        ("scaling", SIZES, {}, "test error in %"),
    ],
)
def test_every_figure_names_its_units_and_says_in_words_what_it_shows(name, given, options, label):
    (figure,) = draw(name, Comparison(given), options)
    assert label in texts(figure)
    assert figure.png.startswith(b"\x89PNG")
    assert figure.title
    assert len(figure.text) > 40
    page = inline(figure)
    root = ElementTree.fromstring(page)
    assert root.get("role") == "img"
    assert root.get("aria-label").startswith(figure.title)
    assert "currentColor" in page
    assert "#010101" not in page
    ids = set(re.findall(r'id="([^"]*)"', page))
    assert all(id_.startswith(f"{figure.name}-") for id_ in ids)
    assert set(re.findall(r'href="#([^"]*)"', page)) <= ids


def test_there_is_a_test_of_every_figure():
    assert {*_FIGURES, "sweep"} == {*FIGURES}
    assert set(_FIGURES) == {"keep", "seconds", "samples", "medians", "distribution", "scaling"}


@pytest.mark.parametrize("name", ["keep", "seconds", "samples", "medians", "distribution"])
def test_no_label_lies_on_another(name, monkeypatch):
    drawn = []
    real = room.pictures

    def keeping(figure, *words):
        figure.canvas.draw()
        drawn.append((_boxes(figure), figure.bbox.width))
        return real(figure, *words)

    monkeypatch.setattr(room, "pictures", keeping)
    names = ("ema", "epsilon-greedy, as published", "uncertainty, by evaluation losses")
    many = [*ROWS, *(row for name in names for row in rows(name))]
    draw(name, Comparison(many), {})
    ((boxes, width),) = drawn
    assert len(boxes) > 8
    assert all(one.x0 >= 0 and one.x1 <= width for _, one in boxes)
    for place, (text, one) in enumerate(boxes):
        for other_text, other in boxes[place + 1 :]:
            assert not one.overlaps(other), (text, other_text)


def _boxes(figure):
    """The texts that are really drawn, with the boxes that they take."""
    from matplotlib.text import Text

    boxes, real = [], Text.draw

    def drawing(text, renderer, *rest, **more):
        if text.get_visible() and text.get_text().strip():
            boxes.append((text.get_text(), text.get_window_extent(renderer)))
        return real(text, renderer, *rest, **more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Text, "draw", drawing)
        figure.canvas.draw()
    return boxes


def test_one_budget_has_a_line_for_each_method_and_no_point_hides_another():
    one = [row for row in ROWS if json.loads(row.varied).get("keep") in (None, "0.1")]
    (figure,) = draw("keep", Comparison(one), {})
    assert figure.title == "Accuracy at keep 0.1"
    assert {"ours", "random", "full", "keep 0.1, mean ± std, n = 3"} <= set(texts(figure))
    (few,) = draw("keep", Comparison([row for row in one if row.seed < 2]), {})
    assert any("read little into this" in text for text in texts(few))


def test_results_that_lack_what_a_figure_shows_have_none():
    assert draw("keep", Comparison(FULL), {}) == []
    assert draw("medians", Comparison(FULL), {}) == []
    assert draw("distribution", Comparison(FULL), {}) == []
    assert draw("sweep", Comparison(ROWS), {"sweep": ["period"]}) == []
    assert draw("scaling", Comparison(FULL), {}) == []
    unknown = [replace(row, select_seconds=None) for row in ROWS]
    assert draw("seconds", Comparison(unknown), {}) == []


def test_several_data_sets_have_a_figure_each():
    both = [*ROWS, *(replace(row, dataset="/data/mnist+noise=0.1", fingerprint="o") for row in ROWS)]
    figures = draw("keep", Comparison(both), {})
    assert [figure.name for figure in figures] == ["keep-1", "keep-2"]
    assert figures[1].title == "Accuracy against what is kept, mnist+noise=0.1"


def test_few_trials_are_said_in_the_picture():
    (figure,) = draw("keep", Comparison([row for row in ROWS if row.seed < 2]), {})
    assert "fewer than 3 trials (n = 2): read little into this" in texts(figure)
    assert not any("fewer than" in text for text in texts(draw("keep", Comparison(ROWS), {})[0]))


def test_the_same_results_give_the_same_bytes():
    one, other = (draw("keep", Comparison(ROWS), {})[0] for _ in range(2))
    assert (one.png, one.svg) == (other.png, other.svg)


def test_shares_of_budgets():
    assert share_of("0.3", 1000) == 0.3
    assert share_of("60", 60000) == 0.001
    assert share_of("0.2:0.6", 1000) == pytest.approx(0.4)
