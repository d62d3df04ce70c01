"""forgetting-rate: events per presentation, where presentations are unequal."""

import numpy as np
import pytest
from helpers.tables import seen_in_part, traced

import curate
from curate import finder
from curate.errors import CurateError


def test_samples_shown_unequally_often_are_compared_by_presentation(tmp_path):
    """Sample 0 falls twice in six, 1 once in two, 2 is wrong whenever it is shown, 3 is never shown."""
    shown = [([0, 1, 2], [1, 1, 0]), ([0], [0]), ([0, 2], [1, 0]), ([0, 1], [0, 0]), ([0], [1]), ([0], [1])]
    epochs = [seen_in_part(index, "correct", right) for index, right in shown]
    trace = traced(tmp_path, 4, [epochs])
    rates = finder.make("scorers", "forgetting-rate").from_trace(trace)[0]
    np.testing.assert_array_equal(rates, [2 / 6, 1 / 2, 1, np.nan])


def test_a_sample_that_was_ever_right_is_at_most_at_the_limit(tmp_path):
    scorer = finder.make("scorers", "forgetting-rate")
    falls = [seen_in_part([0, 1], "correct", right) for right in ([1, 0], [0, 0])]
    rates = scorer.from_trace(traced(tmp_path, 2, [falls]))[0]
    assert (rates > scorer.unlearned(2)).tolist() == [False, True]


def test_the_trace_of_a_policy_has_a_rate_and_no_count(tmp_path):
    few = curate.open_dataset("digits").take(np.arange(60))
    made = curate.train(
        few,
        policy="random",
        keep=0.7,
        trace=True,
        test=few,
        hyperparameters={"n_epochs": 8},
        options={"width": 2},
        output=tmp_path / "run",
    )
    folder = made.manifest.path
    with pytest.raises(CurateError, match=r"presents samples \d to \d times, .* --method forgetting-rate"):
        curate.score(few, "forgetting", trace=folder, output=tmp_path / "count")
    table = curate.score(few, "forgetting-rate", trace=folder, output=tmp_path / "rate")
    assert (table["forgetting_rate"] >= 0).all()
    assert (table["forgetting_rate"] <= 1).all()
    assert table.header.columns["forgetting_rate"].unlearned_beyond == 0.5
