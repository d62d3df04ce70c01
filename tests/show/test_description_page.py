"""The page of an artifact: every fact and every number of the terminal's, and the sheet that was drawn."""

import re

import pytest
from helpers.browser import CHROMIUM, Outline, in_chromium
from helpers.commands import assert_error

import curate
from curate.show.description_page import page_of, write_page
from curate.verbs.description import Bar, Chart, Description

EVIL = "<b>&"


def test_every_fact_and_number_is_on_it():
    charts = [Chart(f"chart {EVIL}", [Bar(EVIL, 1.0, "one", 0.5), Bar("b", 4.0, "four")]), Chart("empty", [])]
    text = page_of(Description(f"title {EVIL}", [("fact", EVIL)], charts))
    assert "<dt>fact</dt><dd>&lt;b&gt;&amp;</dd>" in text
    assert "<title>title &lt;b&gt;&amp;</title>" in text
    assert 'width:25.0%"></b><i style="left:12.5%">' in text
    assert ">four</td>" in text
    assert "empty" not in text


def test_the_command_writes_a_page_with_its_sheet(digits_round, cli, here):
    words = ("inspect", digits_round.table, "--sheet", "s.png", "--html", "p.html")
    result = cli(*words)
    assert result.code == 0, result.err
    assert result.out.splitlines()[-2:] == ["s.png", "p.html"]
    text = (here / "p.html").read_text()
    described = curate.inspect(digits_round.table)
    assert all(name in text for name, _ in described.facts)
    outline = Outline()
    outline.feed(text)
    (image,) = [attributes for tag, attributes in outline.attributes if tag == "img"]
    assert image["src"].startswith("data:image/png;base64,")
    assert image["alt"]
    assert_error(cli("inspect", "digits", "--html", "p.html"), "p.html exists: use --force")
    assert cli("inspect", "digits", "--html", "p.html", "--force").code == 0


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")
def test_in_a_browser_it_fits_a_phone(digits_session, here):
    write_page(here / "p.html", curate.inspect(digits_session, by="class"))
    page = here / "p.html"
    page.write_text(re.sub("(<main>.*?)(<h2)", r"\1<table><thead><tr><th><button></button></th><th><button>"
                           r"</button></th><th><button></button></th></tr></thead><tbody></tbody></table>\2",
                           page.read_text(), count=1, flags=re.DOTALL))  # fmt: skip
    found, complaints = in_chromium(page, here, "--window-size=500,900")
    assert complaints == []
    assert found["wide"] == 0
