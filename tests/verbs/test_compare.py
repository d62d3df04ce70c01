"""compare: overlaps and correlations worked by hand, and what is refused."""

import json
import math
import re
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from helpers.commands import assert_error, command, loaded_by
from helpers.comparing import columns_of, header_of, manifest, scores
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import spearmanr

from curate.artifacts.header import RankingColumn
from curate.artifacts.tables import Table, open_table
from curate.errors import CurateError
from curate.manifests.manifest import open_manifest
from curate.verbs.compare import Pair, compare
from curate.verbs.score import score
from curate.verbs.select import select

pytest_plugins = ["helpers.comparing"]


def spearman_by_hand(*both):
    """Naive: how many values are smaller, less how many are larger, is twice the centred rank."""
    a, b = ([sum((v > w) - (v < w) for w in values) for v in values] for values in both)
    squares = sum(x * x for x in a) * sum(y * y for y in b)
    return sum(x * y for x, y in zip(a, b, strict=True)) / math.sqrt(squares) if squares else None


def test_overlap_worked_by_hand(here):
    # Hardest first: a keeps 9 8 7 6 5 ..., b keeps 9 7 5 3 1 8 ...
    a = scores(here / "a.parquet", [0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    b = scores(here / "b.parquet", [0, 6, 1, 7, 2, 8, 3, 9, 5, 10])
    outcome = compare(a, b, budgets=(0.1, "0.2", 0.3, 5, 1.0))
    # 10%: {9} {9}; 20%: {9 8} {9 7}; 30%: {9 8 7} {9 7 5}; 5: {9 8 7 6 5} {9 7 5 3 1}; all.
    assert outcome.pairs[0].overlaps == [1, 1 / 3, 2 / 4, 3 / 7, 1]
    assert [budget.n_kept for budget in outcome.budgets] == [1, 2, 3, 5, 10]
    random = [budget.random_overlap for budget in outcome.budgets]
    assert random == pytest.approx([0.1 / 1.9, 0.2 / 1.8, 0.3 / 1.7, 0.5 / 1.5, 1])  # q / (2 - q)
    assert (outcome.pairs[0].selected, outcome.stability) == (None, None)


def test_low_is_hard_turns_a_ranking_round_and_ties_go_to_the_smaller_uid(here):
    low = scores(here / "low.parquet", [1, 2, 3, 4], hard_is="low")
    high, tied = scores(here / "high.parquet", [4, 3, 2, 1]), scores(here / "tied.parquet", [7, 7, 7, 7])
    outcome = compare(high, low, tied, budgets=(0.25, 0.5))
    assert [pair.overlaps for pair in outcome.pairs] == [[1, 1], [1, 1], [1, 1]]
    assert [pair.spearman for pair in outcome.pairs] == [1, None, None]
    assert (outcome.stability.n_pairs, outcome.stability.spearman.n) == (3, 1)
    assert json.loads(json.dumps(outcome.as_dict()))["pairs"][1]["spearman"] is None


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
        header = header_of("scores", range(n), columns={"s": RankingColumn("high")})
        tables.append(Table(Path("x.parquet"), header, columns_of(range(n)) | {"s": np.array(values)}))
    outcome = compare(*tables, budgets=[0.5]).pairs[0]
    assert outcome.spearman == pytest.approx(spearman_by_hand(*both), abs=1e-12)
    orders = [sorted(range(n), key=lambda i, values=values: (-values[i], i)) for values in both]
    kept = [set(order[: (n + 1) // 2]) for order in orders]
    assert outcome.overlaps == [len(kept[0] & kept[1]) / len(kept[0] | kept[1])]


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
    outcome = compare(table, top, session, here / "session", budgets=(0.1, 2, 3))
    assert [one.ranked_by for one in outcome.inputs] == ["el2n", "rank", "n_selected", "n_selected"]
    assert [one.n_selected for one in outcome.inputs] == [None, 3, 3, 3]
    by = {(pair.one, pair.other): pair for pair in outcome.pairs}
    assert by[str(table), str(top.path)] == Pair(str(table), str(top.path), 1, [1, 1, 1], None, None)
    pair = by[str(top.path), str(session)]  # 6 7 8 against 6 (three times), 7 (twice), 0 (once)
    assert (pair.overlaps, pair.selected) == ([1, 1, 2 / 4], 2 / 4)
    assert pair.selected_random == pytest.approx(0.9 / 5.1)  # 3 of 10 and 3 of 10 share 0.9
    assert pair.spearman == pytest.approx(spearman_by_hand(values, [1, 0, 0, 0, 0, 0, 3, 2, 0, 0]), abs=1e-12)


def test_classes_show_the_share_kept_and_the_largest_difference(here):
    labels = [0, 0, 0, 0, 2, 2, 2, 2, 2, 2]  # class 1 has no samples
    shared = {"labels": labels, "classes": ("cat", "dog", "owl")}
    a = scores(here / "a.parquet", range(10), **shared)
    b = scores(here / "b.parquet", range(9, -1, -1), **shared)
    outcome = compare(a, b, budgets=(5, 0.1), by="class").classes
    assert [(one.name, one.n) for one in outcome] == [("cat", 4), ("owl", 6)]
    assert [one.shares for one in outcome] == [[0, 1], [5 / 6, 1 / 6]]
    assert [one.difference for one in outcome] == [1, pytest.approx(4 / 6)]
    assert compare(a, b).classes is None


@pytest.mark.parametrize(("words", "message"), [
    ([], "0 given, compare needs 2 or more: name tables"),
    (["a.parquet"], "1 given, compare needs 2 or more: .* manifest folders"),
    (["a.parquet", "c.parquet"], "there is no table or manifest c.parquet: name a .parquet table or"),
    (["a.parquet", "photos"], "photos is not a manifest folder"),
    (["a.parquet", "else.parquet"], "a.parquet was made from hand .* else.parquet is hand .* do not belong"),
    (["a.parquet", "lost.parquet"], r"lost.parquet: el2n of sample 3 is nan: score it anew"),
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
    result = cli("compare", "m", "n", "--union", "-o", "u", "--json")
    outcome, header = json.loads(result.out), open_manifest("u").header
    assert (outcome["path"], outcome["sha256"]) == ("u", header.sha256)
    assert outcome["combined"] == header.summary
    assert outcome["pairs"][0]["selected"] == 1 / 4
    assert [budget["keep"] for budget in outcome["budgets"]] == ["0.05", "0.1", "0.2", "0.3", "0.5", "0.7"]
    assert outcome["inputs"][1] == {
        "path": "n",
        "kind": "manifest",
        "ranked_by": "n_selected",
        "n_selected": 2,
    }
    assert re.match(r"union: 4 of 10 samples \(40.0%\)\nnext: curate replay u ", result.err)


def test_comparing_loads_neither_torch_nor_faiss(folder):
    assert not loaded_by(command("compare", "a.parquet", "m")) & {"torch", "torchvision", "faiss", "sklearn"}


def test_one_table_is_compared_with_itself_score_by_score(tmp_path, cli):
    methods = ["forgetting", "aum", "margin"]
    made = score("digits+per-class=8", methods, epochs=3, output=tmp_path / "s.parquet")
    assert made.ranking_columns == open_table(made.path).ranking_columns == methods
    outcome = compare(made.path)
    expected = {}
    for one, other in combinations(methods, 2):
        turned = {"forgetting": made["forgetting"], "aum": -made["aum"], "margin": -made["margin"]}
        expected[one, other] = spearmanr(turned[one], turned[other]).statistic
    assert [pair.spearman for pair in outcome.pairs] == pytest.approx(list(expected.values()))
    assert outcome.stability is None
    assert [one.path for one in outcome.inputs] == [f"{made.path}:{name}" for name in methods]
    result = cli("compare", made.path).out
    rows = result[result.index("Spearman correlation") :].splitlines()[2:5]
    for number, row in enumerate(rows):
        values = [float(word) for word in row.split()[1:]]
        for column, name in enumerate(methods):
            if column != number:
                pair = tuple(methods[place] for place in sorted((number, column)))
                assert values[column] == pytest.approx(expected[pair], abs=0.006), (name, row)
    with pytest.raises(CurateError, match="column=aum is for several tables, and one is given"):
        compare(made.path, column="aum")
