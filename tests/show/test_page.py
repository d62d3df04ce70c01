"""The page: whole without network, sortable, named for screen readers; and in a real browser."""

import re

import pytest
from helpers.browser import CHROMIUM, Outline, in_chromium
from helpers.results import FULL, LITTLE, RANDOM, rows

from curate.artifacts.results import write_results
from curate.show.page import document, table_html
from curate.show.report import report
from curate.show.tables import Table

EVIL = "<script>alert(1)</script>"


@pytest.fixture
def page(here):
    trials = [*FULL, *RANDOM, *LITTLE, *rows("sure", [91.0, 91.2, 91.1]), *rows(EVIL, [90, 91, 92])]
    write_results(here / "r.parquet", trials, {"title": EVIL, "about": EVIL})
    return report("r.parquet").path / "index.html"


def test_nothing_on_it_comes_from_elsewhere(page):
    outline = Outline()
    outline.feed(page.read_text())
    for tag, attributes in outline.attributes:
        for name in ("src", "href", "xlink:href"):
            assert attributes.get(name, "#").startswith(("#", "data:")), (tag, attributes)
    assert not re.search(r"url\((?!#)", page.read_text())
    assert "default-src 'none'" in page.read_text()
    assert outline.tags.count("script") == 1  # ours: names that look like code are text


def test_everything_has_a_name_for_who_cannot_see_it(page):
    outline = Outline()
    outline.feed(page.read_text())
    assert ("html", {"lang": "en"}) in outline.attributes
    assert [tag for tag in outline.tags if tag in ("h1", "main")] == ["main", "h1"]
    for tag, attributes in outline.attributes:
        if tag == "svg":
            assert attributes["role"] == "img"
            assert len(attributes["aria-label"]) > 40
        if tag == "img":
            assert attributes["alt"]
        if tag == "th":
            assert attributes["scope"] in ("col", "row")
    widths = [attributes for tag, attributes in outline.attributes if attributes.get("role") == "region"]
    headings = {attributes.get("id") for tag, attributes in outline.attributes if tag == "h2"}
    assert widths
    assert {one["aria-labelledby"] for one in widths} <= headings


def test_a_cell_sorts_by_its_number():
    rows = [["a", "9.00 ± 1"], ["b", "10.00 ± 1"], ["c", ""]]
    table = Table("t", ["x"], rows, [[9.0], [10.0], [None]], frozenset({(1, 0)}))
    text = table_html(table, 0)
    assert '<td data-value="9.0">9.00 ± 1</td>' in text
    assert '<td data-value="10.0"><strong>10.00 ± 1</strong></td>' in text
    assert '<td data-value=""></td>' in text


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")
def test_in_a_browser_it_sorts_fits_a_phone_and_follows_the_dark(page, here):
    found, complaints = in_chromium(page, here, "--window-size=1200,900")
    assert complaints == []
    assert found["before"][0] == "sure"
    assert found["down"] == ["sure", EVIL, "random", "full"]  # at keep 0.3; what has no number comes last
    assert found["up"] == ["random", EVIL, "sure", "full"]
    assert found["sorted"] == "ascending"
    assert found["focused"]
    assert found["svgs"] == 4
    assert (found["ink"], found["paper"]) == ("rgb(27, 31, 36)", "rgb(255, 255, 255)")
    phone, complaints = in_chromium(page, here, "--window-size=500,900")
    assert complaints == []
    assert phone["wide"] == 0
    dark, _ = in_chromium(page, here, "--window-size=500,900", "--blink-settings=preferredColorScheme=0")
    assert (dark["ink"], dark["paper"]) == ("rgb(230, 237, 243)", "rgb(13, 17, 23)")


def test_a_document_is_one_whole_page():
    text = document("a & b", ["<p>c</p>"])
    assert text.startswith("<!doctype html>")
    assert "<title>a &amp; b</title>" in text
