"""Regimes: what chooses a strategy where the user names none, and why."""

import dataclasses

import pytest
from helpers.tables import clusters_table

import curate
from curate import finder
from curate.selection.regime import REGIMES, choose


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
        result = [choose("auto", kind, k, 60_000, 10).regime for k in range(10, 60_000, 100)]
        turn = result.index("hard")
        assert result == [scarce] * turn + ["hard"] * (len(result) - turn)
        assert choose("auto", kind, 600, 60_000, 10).regime == scarce
        assert choose("auto", kind, 30_000, 60_000, 10).regime == "hard"


def test_what_was_not_learned_is_no_lesson():
    """However much is kept; where nothing is known of it, the number of samples decides alone."""
    for n_unlearned, result in ((None, "hard"), (6000, "hard"), (6001, "stratified"), (60_000, "stratified")):
        choice = choose("auto", "scores", 30_000, 60_000, 10, n_unlearned)
        assert choice.regime == result
    assert "100% of the hardest were not learned" in choice.why
    assert choose("auto", "scores", 600, 60_000, 10, 0).regime == "stratified"
    assert choose("hard", "scores", 30_000, 60_000, 10, 60_000).regime == "hard"


def test_without_classes_it_is_not_known_how_much_is_kept_of_one():
    """Else all samples would be one class, of which plenty is kept."""
    for kind, n_kept in (("scores", 50), ("scores", 30_000), ("clusters", 30_000)):
        choice = choose("auto", kind, n_kept, 60_000, 0)
        assert choice.regime == "stratified"
        assert "without labels it is not known how much is kept of a class" in choice.why
    assert choose("hard", "scores", 50, 60_000, 0).regime == "hard"


def test_no_more_is_left_out_than_was_not_learned():
    cuts = [choose("stratified", "scores", 600, 6000, 10, n).options["cut"] for n in (0, 60, 1800, 6000)]
    assert cuts == [0, 0.01, 0.3, 0.3]


def test_the_less_is_kept_the_more_of_the_least_trusted_are_left_out():
    cuts = [choose("stratified", "scores", k, 100, 10).options["cut"] for k in (5, 19, 20, 49, 50, 90)]
    assert cuts == [0.3, 0.3, 0.1, 0.1, 0.0, 0.0]
    assert "the 30.0% least to be trusted are left out" in choose("auto", "scores", 10, 1000, 10).why
    assert choose("hard", "scores", 5, 100, 10).options == {}


def test_regimes_of_clusters_are_near_and_far(tmp_path):
    table = clusters_table(tmp_path / "t", [0, 0, 1, 1], [0.1, 0.9, 0.2, 0.8])
    table = dataclasses.replace(table, header=dataclasses.replace(table.header, sha256="0" * 64))
    kept = {
        regime: curate.select(table, regime=regime, keep=0.5, output=tmp_path / regime).selected(0).indices
        for regime in ("hard", "easy")
    }
    assert kept["hard"].tolist() == [1, 3]
    assert kept["easy"].tolist() == [0, 2]
