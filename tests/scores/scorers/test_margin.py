"""margin: the margin when last seen, by hand."""

import numpy as np
from helpers.tables import seen_in_part, traced

from curate import finder


def test_it_is_the_margin_at_the_last_presentation(tmp_path):
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
    scores = finder.make("scorers", "margin").from_trace(traced(tmp_path, 4, runs))
    np.testing.assert_array_equal(scores, [[3, -2, -6, np.nan], [2, -3, 8, np.nan]])


def test_a_label_that_was_behind_at_last_was_not_learned():
    scorer = finder.make("scorers", "margin")
    assert (scorer.hard_is, scorer.unlearned(9)) == ("low", 0)
