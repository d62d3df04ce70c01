"""mean_loss: the mean loss over the epochs in which a sample was seen, by hand."""

import math

import numpy as np
import pytest
from helpers.tables import seen_in_part, traced

from curate import finder


def test_it_is_the_mean_loss_over_presentations(tmp_path):
    """Two models over three epochs; the last of four samples is never seen."""
    runs = [
        [
            seen_in_part([0, 1, 2], "loss", [1, 2, 4]),
            seen_in_part([0, 2], "loss", [3, 5]),
            seen_in_part([2], "loss", [6]),
        ],
        [
            seen_in_part([0, 1], "loss", [0.5, 1]),
            seen_in_part([1, 2], "loss", [3, 8]),
            seen_in_part([0], "loss", [2]),
        ],
    ]
    scores = finder.make("scorers", "mean-loss").from_trace(traced(tmp_path, 4, runs))
    np.testing.assert_array_equal(scores, [[2, 2, 5, np.nan], [1.25, 2, 8, np.nan]])


def test_the_loss_of_an_even_chance_between_two_is_the_limit():
    scorer = finder.make("scorers", "mean-loss")
    assert (scorer.hard_is, scorer.unlearned(9)) == ("high", pytest.approx(-math.log(0.5)))
