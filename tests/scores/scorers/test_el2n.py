"""el2n: the length of the error, by hand: of a look at all samples, or as training last saw it."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from helpers.tables import seen_in_part, traced

from curate import finder


def test_from_a_trace_it_is_the_error_at_the_last_presentation(tmp_path):
    """Two models over three epochs; the last of four samples is never seen."""
    runs = [
        [
            seen_in_part([0, 1, 2], "error", [1, 2, 4]),
            seen_in_part([0, 2], "error", [3, 5]),
            seen_in_part([2], "error", [6]),
        ],
        [
            seen_in_part([0, 1], "error", [0.5, 1]),
            seen_in_part([1, 2], "error", [3, 8]),
            seen_in_part([0], "error", [2]),
        ],
    ]
    scores = finder.make("scorers", "el2n").from_trace(traced(tmp_path, 4, runs))
    np.testing.assert_array_equal(scores, [[3, 2, 6, np.nan], [2, 3, 8, np.nan]])


def test_it_is_learned_where_no_other_class_can_be_ahead():
    scorer = finder.make("scorers", "el2n")
    assert (scorer.hard_is, scorer.unlearned(9)) == ("high", pytest.approx(math.sqrt(0.5**2 + 0.5**2)))


def test_a_look_is_the_length_of_what_the_softmax_is_off_by():
    """Chances of 1/4 and 3/4: off by 3/4 in both classes for label 0, by 1/4 in both for label 1."""
    network = SimpleNamespace(logits=lambda images: torch.tensor([0, math.log(3)]).expand(len(images), 2))
    result = finder.make("scorers", "el2n").of_batch(network, torch.zeros(2, 1, 1, 1), torch.tensor([0, 1]))
    assert result.tolist() == pytest.approx([0.75 * math.sqrt(2), 0.25 * math.sqrt(2)])
