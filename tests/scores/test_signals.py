"""Margins, lengths of errors and entropies, against loops over numbers."""

import math

import numpy as np
import torch

from curate.scores.signals import entropies, error_norms, margins

LOGITS = np.random.default_rng(0).normal(size=(20, 5)) * 4 - 4  # in some rows all are below zero
LABELS = np.arange(20) % 5


def naive_softmax(logits):
    return [math.exp(value) / sum(math.exp(other) for other in logits) for value in logits]


def test_margins_against_loops():
    for own, label, result in zip(
        LOGITS, LABELS, margins(*map(torch.from_numpy, (LOGITS, LABELS))), strict=True
    ):
        assert result.item() == own[label] - max(value for number, value in enumerate(own) if number != label)


def test_error_norms_against_loops():
    for own, label, result in zip(
        LOGITS, LABELS, error_norms(*map(torch.from_numpy, (LOGITS, LABELS))), strict=True
    ):
        off = [chance - (number == label) for number, chance in enumerate(naive_softmax(own))]
        assert math.isclose(result.item(), math.sqrt(sum(value**2 for value in off)), rel_tol=1e-12)


def test_entropies_against_loops():
    for own, result in zip(LOGITS, entropies(torch.from_numpy(LOGITS)), strict=True):
        by_hand = -sum(chance * math.log(chance) for chance in naive_softmax(own))
        assert math.isclose(result.item(), by_hand, rel_tol=1e-12)


def test_where_a_network_is_certain_nothing_is_undefined():
    """Chances of exactly 0 and 1."""
    logits = torch.tensor([[1000.0, 0.0], [1000.0, 0.0]])
    labels = torch.tensor([0, 1])
    assert entropies(logits).tolist() == [0, 0]
    assert margins(logits, labels).tolist() == [1000, -1000]
    np.testing.assert_allclose(error_norms(logits, labels).tolist(), [0, math.sqrt(2)], rtol=1e-6)
