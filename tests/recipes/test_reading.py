"""A recipe's text: found, included, changed by a profile, and its places known."""

import pytest

from curate.errors import CurateError
from curate.recipes.reading import find, folders, names, read_text


def test_the_recipes_that_come_with_curate_are_found_by_name():
    assert "digits-quick" in names()
    assert find("digits-quick").parent in folders()


def test_recipes_are_found_where_pip_puts_them(here, monkeypatch):
    (here / "share" / "curate" / "recipes").mkdir(parents=True)
    (here / "share" / "curate" / "recipes" / "mine.toml").write_text("")
    monkeypatch.setattr("sysconfig.get_path", lambda _: str(here))
    assert "mine" in names()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("digits-quik", r"there is no recipe called 'digits-quik': did you mean digits-quick"),
        ("none.toml", r"there is no recipe none.toml: name a .toml file, or use one of .*digits-quick"),
    ],
)
def test_a_recipe_that_is_not_there_says_what_is(name, message):
    with pytest.raises(CurateError, match=message):
        find(name)


def test_an_included_part_lies_under_the_file_that_includes_it(here):
    (here / "parts").mkdir()
    (here / "parts" / "low.toml").write_text('[values]\ndata = "a"\nk = 3\n[every.train]\nlr = 0.1\n')
    (here / "parts" / "high.toml").write_text('include = ["low.toml"]\n[values]\nk = 4\n')
    (here / "r.toml").write_text('include = ["parts/high.toml"]\n[values]\ndata = "b"\n')
    text = read_text(here / "r.toml")
    assert text.tables == {"values": {"data": "b", "k": 4}, "every": {"train": {"lr": 0.1}}}
    assert text.where(("values", "k")) == f"{here}/parts/high.toml:3"
    assert text.where(("values", "data")) == f"{here}/r.toml:3"
    assert text.where(("every", "train", "lr")) == f"{here}/parts/low.toml:5"


def test_a_profile_changes_what_it_names_and_nothing_else(here):
    (here / "r.toml").write_text(
        "[values]\nkeep = [1, 2]\nk = 3\n[s]\ntrials = 5\n"
        "[profiles.cpu.values]\nkeep = 2\n[profiles.cpu.s]\ntrials = 3\n[profiles.gpu]\n"
    )
    assert read_text(here / "r.toml").tables == {"values": {"keep": [1, 2], "k": 3}, "s": {"trials": 5}}
    assert read_text(here / "r.toml", "gpu").tables == read_text(here / "r.toml").tables
    cpu = read_text(here / "r.toml", "cpu")
    assert cpu.tables == {"values": {"keep": 2, "k": 3}, "s": {"trials": 3}}
    assert cpu.where(("values", "keep")) == f"{here}/r.toml:7"
    with pytest.raises(CurateError, match=r"has no profile 'cpus': did you mean cpu\?"):
        read_text(here / "r.toml", "cpus")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a = ", r"r.toml is not TOML: Invalid value \(at end of document\)"),
        ("a = 1\na = 2", "r.toml is not TOML: Cannot overwrite a value"),
        ('include = "part.toml"', r'include=part.toml is not a list of files: write \["part.toml"\]'),
        ('include = ["part.toml"]', "includes .*part.toml, which is not there"),
        ('include = ["r.toml"]', "r.toml includes itself: take it out of one `include`"),
        ("profiles = 3", r"profiles are tables: write \[profiles.cpu.values\]"),
    ],
)
def test_a_text_that_cannot_be_read_says_why(content, message, here):
    (here / "r.toml").write_text(content)
    with pytest.raises(CurateError, match=message):
        read_text("r.toml")


def test_bytes_that_are_no_text_are_refused(here):
    (here / "r.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(CurateError, match=r"r\.toml cannot be read"):
        read_text("r.toml")
