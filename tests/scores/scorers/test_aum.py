"""aum: the mean margin over the epochs in which a sample was seen, by hand."""

import numpy as np
from helpers.tables import seen_in_part, traced

from curate import finder


def test_it_is_the_mean_margin_over_presentations(tmp_path):
    """Two models over three epochs; the last of four samples is never seen."""
    runs = [
        [
            seen_in_part([0, 1, 2], "margin", [1, -2, 4]),
            seen_in_part([0, 2], "margin", [3, 5]),
            seen_in_part([2], "margin", [-6]),
        ],
        [
            seen_in_part([0, 1], "margin", [0.5, 1]),
            seen_in_part([1, 2], "margin", [-3, 8]),
            seen_in_part([0], "margin", [2]),
        ],
    ]
    scores = finder.make("scorers", "aum").from_trace(traced(tmp_path, 4, runs))
    np.testing.assert_array_equal(scores, [[2, -2, 1, np.nan], [1.25, -1, 8, np.nan]])


def test_a_label_that_was_behind_on_the_whole_was_not_learned():
    scorer = finder.make("scorers", "aum")
    assert (scorer.hard_is, scorer.unlearned(9)) == ("low", 0)
