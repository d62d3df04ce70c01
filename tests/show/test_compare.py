"""A comparison on the terminal: its tables, its heat map, and names as short as tells them apart."""

import io
import re

import numpy as np
import pytest
from helpers.comparing import LABELS, scores
from rich.console import Console

from curate.show.compare import print_comparison, short_names
from curate.verbs.compare import compare

pytest_plugins = ["helpers.comparing"]


def test_the_tables_on_stdout(cli, folder):
    result = cli("compare", "a.parquet", "b.parquet", "flat.parquet", "--budgets", "0.3,5")
    assert result.err == (  # fives in a, eights in b, and ones go on beyond the third place
        "at a budget of 0.3, equal values of a.parquet, b.parquet, flat.parquet are cut by uid, alike in "
        "all: their overlap says less there than it seems\n"
    )
    lines = [line.rstrip() for line in result.out.splitlines()]
    assert lines[:2] == ["10 samples of hand (all)", "  a.parquet: scores, hardest first by el2n"]
    for expected in (
        r"  a +1\.00 +-?0\.\d\d +-", r"  a \| b +0\.\d{3} +0\.\d{3}", r"  random +0\.176 +0\.333",
        r"stability over n = 3 pairs", r"  Spearman \(1 pairs\) +-?0\.\d{3} +0",
        r"  overlap at 30% +0\.\d{3} ± .*0\.176",
    ):  # fmt: skip
        assert any(re.fullmatch(expected, line) for line in lines), expected
    assert re.search(r"sets selected \(Jaccard\)(.*\n)+m-minus-n\n$", cli("compare", "m", "n", "--minus").out)
    assert cli("compare", "two", "m", "n", "--union").last == "two-union-2-more"


@pytest.mark.parametrize("width", [36, 60])
def test_a_narrow_terminal_without_unicode_loses_nothing(monkeypatch, here, width):
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setenv("NO_COLOR", "1")
    names = [f"a-score-with-a-long-name-{seed}.parquet" for seed in range(7)]
    for seed, name in enumerate(names):
        scores(here / name, np.random.default_rng(seed).normal(size=10), labels=LABELS)
    console = Console(file=io.TextIOWrapper(io.BytesIO(), "ascii"), highlight=False)
    print_comparison(compare(*names, by="class"), console)
    console.file.seek(0)
    out = console.file.read()
    assert max(map(len, out.splitlines())) <= width
    assert re.match(r"[^\x1b]*\+-[^\x1b]*$", out)
    assert all(name in re.sub(r"\s", "", out) for name in names)
    assert len(re.findall(r"(?:-?[01]\.\d\d(?!\d))", out.split("overlap")[0])) == 49
    assert re.search(r"largest difference: \d+\.\d points in\s+class (cat|dog)", out)


@pytest.mark.parametrize("system", ["standard", "256", "truecolor"])
def test_the_heat_map_is_coloured_and_readable(folder, system):
    console = Console(file=io.StringIO(), force_terminal=True, color_system=system, width=80)
    print_comparison(compare("a.parquet", "down.parquet"), console)
    line = next(line for line in console.file.getvalue().splitlines() if "-1.00" in line)
    styles = re.findall(r"\x1b\[([\d;]+)m *(-?1\.00)", line)
    assert len({style for style, _ in styles}) == len(styles) == 2  # 1 and -1 look different
    assert "37;47" not in line  # white on white


def test_names_are_as_short_as_tells_them_apart():
    assert short_names(["x/a.parquet", "y/b", "y/b"]) == ["a", "b", "b"]
    assert short_names(["seed0/el2n.parquet", "seed1/el2n.parquet"]) == ["seed0/el2n", "seed1/el2n"]
