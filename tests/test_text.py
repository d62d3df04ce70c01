"""Text of others is text, wherever it is shown."""

import io
import re

import pytest
from helpers.hub_desk import forged
from helpers.manifests import EPOCHS, made
from helpers.pictures import encoded, noise, write
from hypothesis import given
from hypothesis import strategies as st

from curate.manifests.card import card
from curate.manifests.manifest import open_manifest
from curate.show.talk import console
from curate.text import in_code, in_html, in_markdown, in_shell, on_terminal, readable

EVIL = "cat\x1b[2J\x07\n\u202edog\u2066<b>|`*\r\x9b31m"


def test_what_steers_a_terminal_is_gone_and_lines_are_one():
    assert readable(EVIL) == "cat[2J dog<b>|`* 31m"
    assert readable("naïve 猫 ±") == "naïve 猫 ±"
    assert on_terminal("a\nb\x1b[1m\n") == "a\nb[1m\n"


@given(st.text())
def test_any_text_is_one_line_that_can_be_printed(text):
    shown = readable(text)
    assert "\n" not in shown
    assert not any(
        ord(letter) < 32 or 127 <= ord(letter) < 160 or 0x202A <= ord(letter) <= 0x202E for letter in shown
    )
    assert readable(shown) == shown


def test_in_pages_and_cards_marks_are_escaped():
    assert in_html('<a href="x">') == "&lt;a href=&quot;x&quot;&gt;"
    assert in_markdown("a|b [c](d) *e* `f` <g> _h_") == (r"a\|b \[c\](d) \*e\* \`f\` &lt;g&gt; \_h\_")
    assert in_markdown("basic-cnn 0.3") == "basic-cnn 0.3"
    assert in_code("a`b\n") == "a'b "
    assert in_shell("x; rm -rf ~") == "'x; rm -rf ~'"
    assert in_shell("digits") == "digits"


def test_a_console_shows_the_text_of_others_and_steers_by_its_own():
    out = io.StringIO()
    out.isatty = lambda: True
    shown = console(out)
    shown.print(EVIL, markup=False)
    assert "\x1b[2J" not in out.getvalue()
    assert "cat[2J" in out.getvalue()


def test_a_class_of_an_evil_name_is_shown_in_every_place_and_does_nothing(here, cli):
    for number in range(3):
        write(here / "photos" / "cat\x1b[2J\ndog" / f"{number}.png", encoded(noise(8, 8, seed=number)))
        write(here / "photos" / "b" / f"{number}.png", encoded(noise(8, 8, seed=9 + number)))
    shown = cli("inspect", "photos", "--split", "all", "--html", "page.html")
    assert shown.code == 0, shown.err
    assert "\x1b" not in shown.out + shown.err
    assert "cat[2J dog" in shown.out
    assert "cat[2J dog" in (here / "page.html").read_text()
    wrong = cli("inspect", "pho\x1b[2Jtos\n")
    assert wrong.err.count("\n") == 1
    assert "\x1b" not in wrong.err


@pytest.mark.parametrize(
    "evil", ["x\n\n# Official\n", "a` | [b](http://c)", "</code><script>", "$(rm -rf ~)"]
)
def test_a_card_quotes_what_a_header_says(tmp_path, evil):
    folder = made(tmp_path / "m", EPOCHS)
    forged(
        folder,
        dataset__reference=evil,
        dataset__split=evil,
        dataset__classes=[evil, "b"],
        summary__strategy=evil,
        options={"a": f"``` {evil}"},
        device=evil,
        command=evil,
    )
    manifest = open_manifest(folder)
    text = card("m", manifest.header, manifest.samples)
    assert "\n# Official" not in text
    told = re.sub(r"```.*?```|`[^`\n]*`|    curate .*", "", text, flags=re.DOTALL)  # what is no code
    assert "<script>" not in told
    assert "](http" not in told.replace(r"\](http", "")
    assert text.count("```") == 2
    assert f"--data {in_shell(evil)} " in text
