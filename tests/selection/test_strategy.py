"""Strategies by score, and the regime that chooses one, beyond what the conformance vectors hold."""

import json

import numpy as np
import pytest
from helpers.tables import clusters_table, score_table
from hypothesis import given, settings
from hypothesis import strategies as st

import curate
from curate import finder
from curate.artifacts.tables import write_table
from curate.errors import CurateError
from curate.manifests.manifest import open_manifest
from curate.rng import rng
from curate.selection.regime import REGIMES, choose
from curate.selection.strategies.stratified import equal_width
from curate.selection.strategy import by_value

BY_SCORE = ["top", "bottom", "window", "stratified", "moderate"]


def order_of(name, table, **options):
    return finder.make("strategies", name, options)(table, rng(0, "strategy")).tolist()


@pytest.fixture
def hand(tmp_path):
    """Six samples of two classes."""
    return score_table(
        tmp_path / "scores.parquet",
        "high",
        el2n=[0.875, 0.125, 0.5, 0.5, 0.3125, 0.75],
        aum=[-1.0, 9.0, 3.0, 4.0, 5.0, 1.0],
        label=[0, 0, 0, 1, 1, 1],
        uid=[5, 4, 3, 2, 1, 0],
    )


def test_orders_worked_by_hand(hand):
    assert order_of("top", hand) == [0, 5, 3, 2, 4, 1]
    assert order_of("bottom", hand) == [1, 4, 3, 2, 5, 0]
    assert order_of("top", hand, column="aum") == [0, 5, 2, 3, 4, 1]
    # A sixth of six samples is one: the hardest goes to the end.
    assert order_of("window", hand, skip=1 / 6) == [5, 3, 2, 4, 1, 0]
    # Medians are 0.5 in both classes; ties at a distance of 0 and 0.375 go by uid.
    assert order_of("moderate", hand) == [3, 2, 4, 5, 1, 0]


def test_stratified_cuts_what_is_least_trusted_and_takes_from_every_level(hand):
    order = order_of("stratified", hand, bins=2, cut=1 / 3)
    assert order[4:] == [5, 0]  # of aum 1 and -1, the more trusted first
    # Of 0.125, 0.5, 0.5 and 0.3125, the lower half is 1, the upper 2, 3 and 4, which lies on the edge.
    assert 1 in order[:2]
    assert set(order[:4]) == {1, 2, 3, 4}


def test_stratified_trusts_by_its_own_column_where_there_is_no_aum(tmp_path):
    table = score_table(tmp_path / "s", "high", el2n=[0.0, 1.0, 2.0, 3.0])
    assert order_of("stratified", table, cut=0.5)[2:] == [2, 3]
    assert order_of("stratified", table, cut=0.5, cut_column="el2n")[2:] == [2, 3]


def test_stratified_draws_by_seed(tmp_path):
    table = score_table(tmp_path / "s", "high", el2n=[0.0] * 30)
    strategy = finder.make("strategies", "stratified")
    assert (strategy(table, rng(0, "s")) == strategy(table, rng(0, "s"))).all()
    assert (strategy(table, rng(0, "s")) != strategy(table, rng(1, "s"))).any()


@given(st.lists(st.integers(-8, 8), min_size=1, max_size=40), st.integers(1, 9))
def test_bins_are_of_equal_width(values, n_bins):
    values = np.array(values, float)
    bins = equal_width(values, n_bins)
    low, width = values.min(), np.ptp(values)
    for value, found in zip(values, bins, strict=True):
        edges = [low + width * number / n_bins for number in range(n_bins + 1)]
        inside = [b for b in range(n_bins) if edges[b] - 1e-9 <= value <= edges[b + 1] + 1e-9]
        assert found in inside if width else found == 0


@settings(deadline=None)
@given(st.data())
def test_by_value_is_a_sort_by_value_uid_and_index(data):
    n = data.draw(st.integers(1, 40))
    values = np.array(data.draw(st.lists(st.integers(0, 5), min_size=n, max_size=n)), float)
    uids = np.array(data.draw(st.lists(st.integers(0, 5), min_size=n, max_size=n)), np.uint64)
    table = score_table("nowhere", "high", value=values.tolist(), uid=uids.tolist())
    expected = sorted(range(n), key=lambda index: (values[index], uids[index], index))
    assert by_value(values, table).tolist() == expected


@pytest.mark.parametrize("name", BY_SCORE)
def test_scores_that_are_no_numbers_are_refused(name, tmp_path):
    table = score_table(tmp_path / "s", "high", el2n=[1.0, float("nan"), 2.0], label=[0, 0, 1])
    with pytest.raises(CurateError, match="el2n of sample 1 is nan: score it anew"):
        order_of(name, table)


@pytest.mark.parametrize("name", BY_SCORE)
def test_a_column_that_is_not_there_is_answered_with_the_nearest(name, hand):
    with pytest.raises(CurateError, match=r"has no column 'el3n': did you mean el2n\?"):
        order_of(name, hand, column="el3n")
    with pytest.raises(CurateError, match="column 'label' does not rank: use one of el2n, aum"):
        order_of(name, hand, column="label")


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("window", {"skip": 1.5}, "skip=1.5 is not a fraction"),
        ("stratified", {"cut": -0.1}, "cut=-0.1 is not a fraction"),
        ("stratified", {"bins": 0}, "bins=0 is too few"),
        ("stratified", {"cut": 1.0}, "cut=1.0 leaves none of 6 samples: cut less"),
    ],
)
def test_options_out_of_range(name, options, message, hand):
    with pytest.raises(CurateError, match=message):
        order_of(name, hand, **options)


def test_moderate_needs_labels(tmp_path):
    table = score_table(tmp_path / "s", "high", el2n=[1.0, 2.0])
    with pytest.raises(CurateError, match="has no labels, and moderate needs classes"):
        order_of("moderate", table)


@pytest.mark.parametrize("name", BY_SCORE)
@pytest.mark.parametrize("keep", [1, 5, 7])
def test_every_strategy_has_exact_budgets_and_a_class_floor(name, keep, tmp_path):
    chance = np.random.default_rng(1)
    columns = {"el2n": chance.random(20).round(1).tolist(), "label": [0] * 10 + [1] * 10}
    table = score_table(tmp_path / "s", "high", **columns)
    table.header["sha256"] = "0" * 64
    keep = keep / 20
    made = curate.select(table, name, keep=keep, class_floor=1.0, output=tmp_path / "m")
    kept = made.selected(0).indices
    assert len(kept) == round(keep * 20)
    assert min((kept < 10).sum(), (kept >= 10).sum()) >= int(keep * 10)


# ------------------------------------------------------------------------------------------------- regimes


@pytest.mark.parametrize("kind", ["clusters", "scores"])
@pytest.mark.parametrize("regime", REGIMES)
def test_every_regime_means_a_strategy_that_is_there(kind, regime):
    for n_kept in (1, 50, 600, 30_000):
        choice = choose(regime, kind, n_kept, 60_000, 10)
        assert choice.strategy in finder.names("strategies")
        assert regime in (choice.regime, "auto")
        assert choice.why


def test_more_data_means_harder_samples():
    for kind, scarce in (("scores", "stratified"), ("clusters", "easy")):
        found = [choose("auto", kind, k, 60_000, 10).regime for k in range(10, 60_000, 100)]
        turn = found.index("hard")
        assert found == [scarce] * turn + ["hard"] * (len(found) - turn)
        assert choose("auto", kind, 600, 60_000, 10).regime == scarce
        assert choose("auto", kind, 30_000, 60_000, 10).regime == "hard"


def test_what_was_not_learned_is_no_lesson():
    """However much is kept; where nothing is known of it, the number of samples decides alone."""
    for n_unlearned, found in ((None, "hard"), (6000, "hard"), (6001, "stratified"), (60_000, "stratified")):
        choice = choose("auto", "scores", 30_000, 60_000, 10, n_unlearned)
        assert choice.regime == found
    assert "100% of the hardest were not learned" in choice.why
    assert choose("auto", "scores", 600, 60_000, 10, 0).regime == "stratified"
    assert choose("hard", "scores", 30_000, 60_000, 10, 60_000).regime == "hard"


def test_no_more_is_left_out_than_was_not_learned():
    cuts = [choose("stratified", "scores", 600, 6000, 10, n).options["cut"] for n in (0, 60, 1800, 6000)]
    assert cuts == [0, 0.01, 0.3, 0.3]


@pytest.mark.parametrize(("hard_is", "sign"), [("high", 1), ("low", -1)])
def test_a_table_says_how_many_samples_were_not_learned(tmp_path, hard_is, sign):
    table = score_table(tmp_path / "s", hard_is, score=[sign * value for value in (0.5, 3, 1, 2, 4, 0)])
    assert table.n_unlearned("score") is None
    table.header["columns"]["score"]["unlearned_beyond"] = sign * 2.0
    assert table.n_unlearned("score") == 2  # 2.0 itself was learned


def test_the_less_is_kept_the_more_of_the_least_trusted_are_left_out():
    cuts = [choose("stratified", "scores", k, 100, 10).options["cut"] for k in (5, 19, 20, 49, 50, 90)]
    assert cuts == [0.3, 0.3, 0.1, 0.1, 0.0, 0.0]
    assert "the 30.0% least to be trusted are left out" in choose("auto", "scores", 10, 1000, 10).why
    assert choose("hard", "scores", 5, 100, 10).options == {}


def test_what_the_user_sets_goes_before_what_a_regime_means(digits_round, tmp_path):
    table = curate.score(digits_round.table, "prototypicality", output=tmp_path / "s")
    made = curate.select(table, regime="stratified", keep=0.1, output=tmp_path / "a")
    assert made.header["options"]["cut"] == 0.3
    options = {"cut": "0.05"}
    made = curate.select(table, regime="stratified", keep=0.1, options=options, output=tmp_path / "b")
    assert made.header["options"]["cut"] == 0.05


def test_select_says_what_it_chose_and_why(here, cli, tmp_path):
    chance = np.random.default_rng(0)
    curate.score(_vectors(here, chance), "duplicate", output="s.parquet")
    said = cli("select", "s.parquet", "--regime", "auto", "--keep", "0.5")
    assert said.code == 0
    assert "samples of a class are kept" in said.err
    header = json.loads((here / said.last / "manifest.json").read_text())
    assert header["options"]["regime"] == "auto"
    assert header["summary"]["why"] in said.err.replace("\n", " ")
    assert said.last == f"s-{header['options']['strategy']}-0.5"


def _vectors(folder, chance):
    path = folder / "v.npy"
    np.save(path, chance.normal(size=(50, 4)).astype(np.float32))
    return path


def test_strategy_and_regime_exclude_each_other(digits_round, tmp_path):
    with pytest.raises(CurateError, match="strategy top and regime hard are both named: name one"):
        curate.select(digits_round.table, "top", regime="hard", output=tmp_path / "m")
    with pytest.raises(CurateError, match="there is no regime 'harder': did you mean hard"):
        curate.select(digits_round.table, regime="harder", output=tmp_path / "m")


def test_the_default_strategy_is_that_of_the_table(digits_round, tmp_path):
    made = curate.select(digits_round.table, output=tmp_path / "c")
    assert made.header["options"]["strategy"] == "furthest"
    table = curate.score(digits_round.table, "prototypicality", output=tmp_path / "s")
    assert curate.select(table, output=tmp_path / "s-top").header["options"]["strategy"] == "top"


def test_what_samples_are_ranked_by_is_on_record_and_said(tmp_path, cli):
    columns = {"label": [0, 0, 1, 1], "el2n": [4, 3, 2, 1], "aum": [1, 2, 3, 4]}
    table = score_table(tmp_path / "t.parquet", "high", **columns)
    write_table(table.path, table.header, table.columns)
    assert cli("select", table.path, "--keep", "0.5", "-o", tmp_path / "m").code == 0
    assert open_manifest(tmp_path / "m").header["options"]["column"] == "el2n"
    said = cli("select", table.path, "--keep", "0.5", "--set", "column=aum", "-o", tmp_path / "n").err
    assert "kept 2 of 4 samples (50.0%) by aum\n" in said
    refused = cli("select", table.path, "--strategy", "closest", "-o", tmp_path / "c")
    assert "t.parquet has no clusters: make them with `curate cluster`" in refused.err


def test_regimes_of_clusters_are_near_and_far(tmp_path):
    table = clusters_table(tmp_path / "t", [0, 0, 1, 1], [0.1, 0.9, 0.2, 0.8])
    table.header["sha256"] = "0" * 64
    kept = {
        regime: curate.select(table, regime=regime, keep=0.5, output=tmp_path / regime).selected(0).indices
        for regime in ("hard", "easy")
    }
    assert kept["hard"].tolist() == [1, 3]
    assert kept["easy"].tolist() == [0, 2]
