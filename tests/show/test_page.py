"""The page: whole without network, sortable, named for screen readers; and in a real browser."""

import html.parser
import json
import re
import shutil
import subprocess

import pytest
from helpers.results import FULL, LITTLE, RANDOM, rows

from curate.artifacts.results import write_results
from curate.show.page import document, table_html
from curate.show.report import report
from curate.show.tables import Table

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
EVIL = "<script>alert(1)</script>"


@pytest.fixture
def page(here):
    trials = [*FULL, *RANDOM, *LITTLE, *rows("sure", [91.0, 91.2, 91.1]), *rows(EVIL, [90, 91, 92])]
    write_results(here / "r.parquet", trials, {"title": EVIL, "about": EVIL})
    return report("r.parquet").path / "index.html"


class Outline(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.attributes = [], []

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes.append((tag, dict(attributes)))


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


PROBE = """
<script>
addEventListener("load", () => {
  const table = document.querySelector("table");
  const names = () => [...table.tBodies[0].rows].map(row => row.cells[0].textContent);
  const before = names(), button = table.querySelectorAll("thead button")[2];
  button.focus(); button.click(); const down = names(); button.click(); const up = names();
  const wide = [...document.querySelectorAll("body *")].filter(e => !e.closest(".wide, pre, svg")
    && e.getBoundingClientRect().right > document.documentElement.clientWidth + 1).length;
  const contrast = getComputedStyle(document.body);
  const out = document.createElement("pre"); out.id = "probe";
  out.textContent = JSON.stringify({before, down, up, wide,
    ink: contrast.color, paper: contrast.backgroundColor, focused: document.activeElement === button,
    sorted: table.querySelectorAll("thead th")[2].getAttribute("aria-sort"),
    width: document.documentElement.clientWidth, svgs: document.querySelectorAll("svg").length});
  document.body.append(out);
});
</script></body>
"""


def in_chromium(page, here, *flags):
    """What the page says of itself in a browser: the probe's findings, and what the browser complained of."""
    probed = here / "probed.html"
    probed.write_text(page.read_text().replace("</body>", PROBE))
    done = subprocess.run(
        [
            CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--disable-sync",
            f"--user-data-dir={here}/profile", "--enable-logging=stderr", "--virtual-time-budget=3000",
            *flags, "--dump-dom", f"file://{probed}",
        ],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    found = re.search(r'<pre id="probe">(.*?)</pre>', done.stdout, re.DOTALL)
    assert found, done.stderr[-2000:]
    complaints = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    return json.loads(html.unescape(found[1])), complaints


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
