"""entropy: in nats, by hand, whatever the label."""

import math
from types import SimpleNamespace

import pytest
import torch

from curate import finder


@pytest.mark.parametrize("label", [0, 1])
def test_a_look_is_the_entropy_of_the_softmax_whatever_the_label(label):
    """Chances of 1/2 and 1/2, then of 1/4 and 3/4."""
    network = SimpleNamespace(logits=lambda images: torch.tensor([[5.0, 5.0], [0, math.log(3)]]))
    labels = torch.tensor([label, label])
    result = finder.make("scorers", "entropy").of_batch(network, torch.zeros(2, 1, 1, 1), labels)
    by_hand = [math.log(2), -(0.25 * math.log(0.25) + 0.75 * math.log(0.75))]
    assert result.tolist() == pytest.approx(by_hand)


def test_high_is_hard_and_nothing_says_what_was_not_learned():
    scorer = finder.make("scorers", "entropy")
    assert (scorer.hard_is, scorer.unlearned(9)) == ("high", None)
