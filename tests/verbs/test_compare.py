"""Comparing: hand-worked overlaps and correlations, copies aligned by uid, and what the user is shown."""

import io
import json
import math
import re
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from helpers.commands import assert_error
from helpers.comparing import LABELS, UIDS, columns_of, header_of, manifest, moved, scores
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console
from scipy.stats import spearmanr
from test_layers import command, loaded_by

from curate.artifacts.tables import Table, open_table
from curate.errors import CurateError, MismatchError
from curate.manifests.manifest import open_manifest
from curate.show.compare import print_comparison, short_names
from curate.verbs.compare import Pair, compare
from curate.verbs.score import score
from curate.verbs.select import select


def spearman_by_hand(*both):
    """Naive: how many values are smaller, less how many are larger, is twice the centred rank."""
    a, b = ([sum((v > w) - (v < w) for w in values) for v in values] for values in both)
    squares = sum(x * x for x in a) * sum(y * y for y in b)
    return sum(x * y for x, y in zip(a, b, strict=True)) / math.sqrt(squares) if squares else None


def test_overlap_worked_by_hand(here):
    # Hardest first: a keeps 9 8 7 6 5 ..., b keeps 9 7 5 3 1 8 ...
    a = scores(here / "a.parquet", [0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    b = scores(here / "b.parquet", [0, 6, 1, 7, 2, 8, 3, 9, 5, 10])
    found = compare(a, b, budgets=(0.1, "0.2", 0.3, 5, 1.0))
    # 10%: {9} {9}; 20%: {9 8} {9 7}; 30%: {9 8 7} {9 7 5}; 5: {9 8 7 6 5} {9 7 5 3 1}; all.
    assert found.pairs[0].overlaps == [1, 1 / 3, 2 / 4, 3 / 7, 1]
    assert [budget.n_kept for budget in found.budgets] == [1, 2, 3, 5, 10]
    random = [budget.random_overlap for budget in found.budgets]
    assert random == pytest.approx([0.1 / 1.9, 0.2 / 1.8, 0.3 / 1.7, 0.5 / 1.5, 1])  # q / (2 - q)
    assert (found.pairs[0].selected, found.stability) == (None, None)


def test_low_is_hard_turns_a_ranking_round_and_ties_go_to_the_smaller_uid(here):
    low = scores(here / "low.parquet", [1, 2, 3, 4], hard_is="low")
    high, tied = scores(here / "high.parquet", [4, 3, 2, 1]), scores(here / "tied.parquet", [7, 7, 7, 7])
    found = compare(high, low, tied, budgets=(0.25, 0.5))
    assert [pair.overlaps for pair in found.pairs] == [[1, 1], [1, 1], [1, 1]]
    assert [pair.spearman for pair in found.pairs] == [1, None, None]
    assert (found.stability.n_pairs, found.stability.spearman.n) == (3, 1)
    assert json.loads(json.dumps(found.as_dict()))["pairs"][1]["spearman"] is None


def test_spearman_with_ties_worked_by_hand(here):
    # Ranks 1 2.5 2.5 4 and 1 2 3 4: covariance 4.5, squares 4.5 and 5.
    a, b = scores(here / "a.parquet", [1, 2, 2, 3]), scores(here / "b.parquet", [10, 20, 30, 40])
    assert compare(a, b).pairs[0].spearman == pytest.approx(4.5 / math.sqrt(4.5 * 5), abs=1e-15)


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=2, max_size=9))
@settings(max_examples=60, deadline=None)
def test_spearman_and_overlap_agree_with_naive_code(pairs):
    both = [[pair[side] for pair in pairs] for side in (0, 1)]
    n, tables = len(pairs), []
    for values in both:
        header = dict(header_of("scores", range(n)), columns={"s": {"hard_is": "high"}})
        tables.append(Table(Path("x.parquet"), header, columns_of(range(n)) | {"s": np.array(values)}))
    found = compare(*tables, budgets=[0.5]).pairs[0]
    assert found.spearman == pytest.approx(spearman_by_hand(*both), abs=1e-12)
    orders = [sorted(range(n), key=lambda i, values=values: (-values[i], i)) for values in both]
    kept = [set(order[: (n + 1) // 2]) for order in orders]
    assert found.overlaps == [len(kept[0] & kept[1]) / len(kept[0] | kept[1])]


def test_stability_is_mean_and_spread_over_all_pairs(here):
    values = {"a": [1, 2, 3, 4], "b": [1, 2, 4, 3], "c": [4, 3, 2, 1]}
    paths = [scores(here / f"{name}.parquet", values[name]) for name in values]
    stable = compare(*paths, budgets=(0.5,)).stability
    rho = [1 - 6 * 2 / 60, -1, -(1 - 6 * 2 / 60)]  # 1 - 6 sum d^2 / (n^3 - n)
    assert stable.n_pairs == stable.spearman.n == 3
    assert stable.spearman.mean == pytest.approx(sum(rho) / 3)
    assert stable.spearman.std == pytest.approx(np.std(rho, ddof=1))
    assert stable.overlaps[0].mean == pytest.approx(1 / 3)
    assert stable.overlaps[0].std == pytest.approx(np.std([1, 0, 0], ddof=1))


def test_a_manifest_of_select_ranks_by_its_rank_and_others_by_how_often_they_select(here):
    values = [5, 1, 4, 2, 3, 0, 9, 8, 7, 6]
    table = scores(here / "t.parquet", values)
    top = select(table, "top", keep=3, output=here / "top")
    session = manifest(here / "session", [{6, 0}, {6, 7}, {6, 7}])
    found = compare(table, top, session, here / "session", budgets=(0.1, 2, 3))
    assert [one.ranked_by for one in found.inputs] == ["el2n", "rank", "n_selected", "n_selected"]
    assert [one.n_selected for one in found.inputs] == [None, 3, 3, 3]
    by = {(pair.one, pair.other): pair for pair in found.pairs}
    assert by[str(table), str(top.path)] == Pair(str(table), str(top.path), 1, [1, 1, 1], None, None)
    pair = by[str(top.path), str(session)]  # 6 7 8 against 6 (three times), 7 (twice), 0 (once)
    assert (pair.overlaps, pair.selected) == ([1, 1, 2 / 4], 2 / 4)
    assert pair.selected_random == pytest.approx(0.9 / 5.1)  # 3 of 10 and 3 of 10 share 0.9
    assert pair.spearman == pytest.approx(spearman_by_hand(values, [1, 0, 0, 0, 0, 0, 3, 2, 0, 0]), abs=1e-12)


def test_ties_that_a_budget_cuts_are_told_of_where_two_rankings_have_them(here):
    # Zeros are tied from place 2 on in a, from place 3 on in b, nowhere in c.
    a = scores(here / "a.parquet", [9, 8, 0, 0, 0, 0, 0, 0, 0, 0])
    b = scores(here / "b.parquet", [9, 8, 7, 0, 0, 0, 0, 0, 0, 0])
    c = scores(here / "c.parquet", range(10))
    budgets = (0.1, 2, 0.3, 4, "0.9", 1.0)
    assert compare(a, b, budgets=budgets).notes == [
        f"at a budget of 4, 0.9, equal values of {a}, {b} are cut by uid, alike in all: their overlap says "
        "less there than it seems"
    ]
    assert compare(a, c, budgets=budgets).notes == compare(a, b, budgets=(3,)).notes == []
    assert f"equal values of {a}, {b}, {a} and 1 more are cut" in compare(a, b, a, b, budgets=(4,)).notes[0]


@pytest.mark.parametrize(("other", "shared"), [  # models of seeds 4 to 13 are in a
    ({"seed": 7}, "7 models, of seeds 7 to 13: for independent scores use seeds 10 apart"),
    ({"seed": 9, "n_models": 20}, "5 models, of seeds 9 to 13: for independent scores use seeds 20 apart"),
    ({"seed": 2, "n_models": 3}, "1 models, of seeds 4 to 4: for independent scores use seeds 10 apart"),
    ({"seed": 14}, None), ({"seed": 4}, None), ({"seed": 7, "model": "lenet5"}, None),
    ({"seed": 7, "command": "cluster"}, None), ({"seed": 7, "parents": {"trace": "0"}}, None),
])  # fmt: skip
def test_models_in_common_are_told_of(here, other, shared):
    def made(name, seed=4, n_models=10, model="basic-cnn", **more):
        table = open_table(scores(here / name, np.random.default_rng(seed).normal(size=10).tolist()))
        options = {"n_models": n_models, "model": model, "method": name, "side_by_side": seed > 4}
        return replace(table, header=table.header | {"seed": seed, "options": options} | more)

    notes = compare(made("a"), made("b", **other)).notes
    assert notes == ([f"{here / 'a'} and {here / 'b'} share {shared}"] if shared else [])


def test_classes_show_the_share_kept_and_the_largest_difference(here):
    labels = [0, 0, 0, 0, 2, 2, 2, 2, 2, 2]  # class 1 has no samples
    shared = {"labels": labels, "classes": ("cat", "dog", "owl")}
    a = scores(here / "a.parquet", range(10), **shared)
    b = scores(here / "b.parquet", range(9, -1, -1), **shared)
    found = compare(a, b, budgets=(5, 0.1), by="class").classes
    assert [(one.name, one.n) for one in found] == [("cat", 4), ("owl", 6)]
    assert [one.shares for one in found] == [[0, 1], [5 / 6, 1 / 6]]
    assert [one.difference for one in found] == [1, pytest.approx(4 / 6)]
    assert compare(a, b).classes is None


class TestCopies:
    """The same samples in another order are found by uid; anything else is refused."""

    def test_another_order_changes_nothing(self, here):
        uids = [100, 100, *UIDS[2:]]  # the first two are equal images, and change places below
        other = [6, 6, 3, 4, 5, 0, 9, 8, 1, 1]
        a = scores(here / "a.parquet", [5, 1, 4, 2, 3, 0, 9, 8, 7, 7], uids=uids, labels=LABELS)
        b = scores(here / "b.parquet", other, uids=uids, labels=LABELS)
        copy = scores(
            here / "copy.parquet",
            moved(other),
            uids=moved(uids),
            labels=[1 - label for label in moved(LABELS)],
            classes=("dog", "cat"),  # the same classes, numbered otherwise
        )
        straight, found = compare(a, b, by="class"), compare(a, copy, by="class")
        said = f"{copy} is of another copy of the dataset than {a}: all 10 samples found by uid (9 moved)"
        ties = [  # the sevens of a and the sixes of the other are in places 3 and 4
            f"at a budget of 0.3, equal values of {a}, {other} are cut by uid, alike in all: their overlap "
            "says less there than it seems"
            for other in (b, copy)
        ]
        assert (straight.notes, found.notes) == (ties[:1], [said, ties[1]])
        assert straight.classes == found.classes
        assert replace(found.pairs[0], other=str(b)) == straight.pairs[0]

    def test_other_samples_are_refused_naming_both(self, here):
        a = scores(here / "a.parquet", [1, 2, 3])
        for number, uids in enumerate([[100, 101, 999], [100, 101, 101], [100, 101, 102, 103]]):
            b = scores(here / f"b{number}.parquet", uids, uids=uids)
            with pytest.raises(MismatchError, match=rf"a.parquet was made from hand .*{b.name} is hand .*"):
                compare(a, b)

    def test_other_labels_matter_only_where_labels_are_used(self, here):
        a = scores(here / "a.parquet", [1, 2, 3], labels=[0, 1, 1])
        b = scores(here / "b.parquet", [1, 2, 3], labels=[0, 0, 1])
        bare = scores(here / "bare.parquet", [1, 2, 3])
        assert compare(a, b, bare).pairs[0].spearman == 1
        assert [one.shares[0] for one in compare(bare, a, by="class", budgets=(0.4,)).classes] == [0, 0.5]
        with pytest.raises(MismatchError, match=r"b.parquet labels 1 samples otherwise .*sample 1 \(uid"):
            compare(a, b, by="class")


@pytest.fixture(scope="module")
def things(tmp_path_factory):
    """A few things that go together, or not."""
    here = tmp_path_factory.mktemp("things")
    scores(here / "a.parquet", [3, 1, 4, 1, 5, 9, 2, 6, 5, 3])
    scores(here / "down.parquet", [3, 1, 4, 1, 5, 9, 2, 6, 5, 3], hard_is="low")
    scores(here / "flat.parquet", [1] * 10)
    scores(here / "b.parquet", [2, 7, 1, 8, 2, 8, 1, 8, 2, 8])
    scores(here / "lost.parquet", [1, 2, 3, float("nan"), 5, 6, 7, 8, 9, 10])
    scores(here / "else.parquet", [1, 2, 3], uids=[7, 8, 9])
    sessions = {"m": [{1, 2, 3}], "n": [{3, 4}], "two": [{1}, {2}], "three": [{1}, {2}, {3}]}
    for name, epochs in sessions.items():
        manifest(here / name, epochs)
    manifest(here / "heavy", [{1, 2}], weight=2.0)
    (here / "photos").mkdir()
    return here


@pytest.fixture
def folder(things, monkeypatch):
    monkeypatch.chdir(things)
    return things


@pytest.mark.parametrize(("words", "message"), [
    ([], "0 given, compare needs 2 or more: name tables"),
    (["a.parquet"], "1 given, compare needs 2 or more: .* manifest folders"),
    (["a.parquet", "c.parquet"], "there is no table or manifest c.parquet: name a .parquet table or"),
    (["a.parquet", "photos"], "photos is not a manifest folder"),
    (["a.parquet", "else.parquet"], "a.parquet was made from hand .* else.parquet is hand .* do not belong"),
    (["a.parquet", "lost.parquet"], r"lost.parquet: 'el2n' of sample 3 \(uid 0+67\) is nan: compare only"),
    (["a.parquet", "b.parquet", "--column", "eln"], r"a.parquet has no column 'eln': did you mean el2n\?"),
    (["a.parquet", "b.parquet", "--column", "uid"], "column 'uid' does not rank: use one of el2n"),
    (["m", "n", "--column", "el2n"], "column=el2n is for tables, and all given are manifests: leave it"),
    (["a.parquet", "b.parquet", "--budgets", "0.3,1.2"], "keep=1.2 is not a fraction: use 0 < keep <= 1"),
    (["a.parquet", "b.parquet", "--budgets", ","], "no budget is given: name one or more, such as 0.1,0.3"),
    (["a.parquet", "b.parquet", "--by", "cluster"], "no way to break down by 'cluster': use class"),
    (["a.parquet", "b.parquet", "--by", "class"], "a.parquet has no labels: leave out --by class"),
    (["m", "n", "-o", "x"], "-o and --force are for a combined manifest: add --union, --intersect or"),
    (["m", "n", "--union", "--minus"], "--union and --minus are given: use one of them"),
    (["m", "a.parquet", "--union"], "a.parquet is a table and selects nothing: --union is for manifests"),
    (["m", "heavy", "--minus"], "heavy weighs its samples: --minus is for manifests without weights"),
    (["two", "m", "three", "--union"], "two has 2, three has 3 epochs: --union needs dynamic manifests"),
    (["m", "m", "--minus"], "every sample of the first is in another of m, m: nothing is written; combine"),
    (["m", "n", "--union", "-o", "two"], "two exists: use --force to replace it"),
    (["m", "n", "--union", "-o", "photos", "--force"], "photos exists and is not a manifest folder"),
])  # fmt: skip
def test_errors_are_one_line_with_the_value_and_the_remedy(cli, folder, words, message):
    before = sorted(folder.rglob("*"))
    assert_error(cli("compare", *words), message)
    assert sorted(folder.rglob("*")) == before


def test_json_is_one_object_of_everything(cli, folder):
    said = cli("compare", "m", "n", "--union", "-o", "u", "--json")
    found, header = json.loads(said.out), open_manifest("u").header
    assert (found["path"], found["sha256"]) == ("u", header["sha256"])
    assert found["combined"] == header["summary"]
    assert found["pairs"][0]["selected"] == 1 / 4
    assert [budget["keep"] for budget in found["budgets"]] == ["0.05", "0.1", "0.2", "0.3", "0.5", "0.7"]
    assert found["inputs"][1] == {"path": "n", "kind": "manifest", "ranked_by": "n_selected", "n_selected": 2}
    assert re.match(r"union: 4 of 10 samples \(40.0%\)\nnext: curate replay u ", said.err)


def test_the_tables_on_stdout(cli, folder):
    said = cli("compare", "a.parquet", "b.parquet", "flat.parquet", "--budgets", "0.3,5")
    assert said.err == (  # fives in a, eights in b, and ones go on beyond the third place
        "at a budget of 0.3, equal values of a.parquet, b.parquet, flat.parquet are cut by uid, alike in "
        "all: their overlap says less there than it seems\n"
    )
    lines = [line.rstrip() for line in said.out.splitlines()]
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


def test_comparing_loads_neither_torch_nor_faiss(folder):
    assert not loaded_by(command("compare", "a.parquet", "m")) & {"torch", "torchvision", "faiss", "sklearn"}


def test_one_table_is_compared_with_itself_score_by_score(tmp_path, cli):
    methods = ["forgetting", "aum", "margin"]
    made = score("digits+per-class=8", methods, epochs=3, output=tmp_path / "s.parquet")
    assert made.ranking_columns == open_table(made.path).ranking_columns == methods
    found = compare(made.path)
    expected = {}
    for one, other in combinations(methods, 2):
        turned = {"forgetting": made["forgetting"], "aum": -made["aum"], "margin": -made["margin"]}
        expected[one, other] = spearmanr(turned[one], turned[other]).statistic
    assert [pair.spearman for pair in found.pairs] == pytest.approx(list(expected.values()))
    assert found.stability is None
    assert [one.path for one in found.inputs] == [f"{made.path}:{name}" for name in methods]
    said = cli("compare", made.path).out
    rows = said[said.index("Spearman correlation") :].splitlines()[2:5]
    for number, row in enumerate(rows):
        values = [float(word) for word in row.split()[1:]]
        for column, name in enumerate(methods):
            if column != number:
                pair = tuple(methods[place] for place in sorted((number, column)))
                assert values[column] == pytest.approx(expected[pair], abs=0.006), (name, row)
    with pytest.raises(CurateError, match="column=aum is for several tables, and one is given"):
        compare(made.path, column="aum")
