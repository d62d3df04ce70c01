"""The ledger: what was observed, of numpy arrays and of tensors alike."""

import numpy as np
import pytest
import torch

from curate.scores.signals import error_norms, margins
from curate.selection.ledger import Ledger, Notes, plain, put_together, seen_of, signals


def noted(ledger):
    notes = ledger.taken_down()
    ledger.add(notes, margins=True)
    return notes


def test_the_latest_loss_counts_until_it_is_forgotten():
    ledger = Ledger(5, in_full=False)
    ledger.put_aside(0, np.array([3, 1]), np.array([0.5, 0.25]), None, None)
    ledger.put_aside(0, [4], [2.0], None, None)
    ledger.put_aside(1, torch.tensor([1]), torch.tensor([4.0], dtype=torch.bfloat16), None, None)
    notes = noted(ledger)
    assert notes.epoch.tolist() == [0, 0, 0, 1]
    np.testing.assert_array_equal(ledger.latest(), np.array([np.nan, 4, np.nan, 0.5, 2], np.float32))
    assert len(ledger.taken_down().index) == 0
    ledger.forget()
    assert np.isnan(ledger.latest()).all()


def test_margins_are_summed_over_presentations():
    ledger = Ledger(3, in_full=True)
    logits = np.array([[3.0, 1, 0], [0, 1, 5]])
    ledger.put_aside(0, [0, 2], [1.0, 1.0], logits, np.array([0, 1]))
    ledger.put_aside(1, [0], [1.0], np.array([[0.0, 4, 0]]), np.array([0]))
    noted(ledger)
    np.testing.assert_array_equal(ledger.mean_margins(), np.array([(2 - 4) / 2, np.nan, -4], np.float32))


def test_signals_are_those_of_tensors():
    chance = np.random.default_rng(0)
    logits = chance.normal(0, 5, (64, 7)).astype(np.float32)
    labels = chance.integers(0, 7, 64)
    margin, error, correct = signals(logits, labels)
    tensors = torch.from_numpy(logits), torch.from_numpy(labels)
    np.testing.assert_allclose(margin, margins(*tensors), rtol=1e-6)
    np.testing.assert_allclose(error, error_norms(*tensors), rtol=1e-5, atol=1e-7)
    assert (correct == (logits.argmax(1) == labels)).all()


def test_a_trace_keeps_the_last_of_each_sample_sorted():
    notes = Notes(
        np.zeros(4, np.int32), np.array([5, 2, 5, 0]), *(np.arange(4, dtype=np.float32) for _ in range(3)),
        np.array([True, False, False, True]),
    )  # fmt: skip
    seen = seen_of(notes)
    assert seen.index.tolist() == [0, 2, 5]
    assert seen.loss.tolist() == [3, 1, 2]
    assert seen.correct.tolist() == [True, False, False]


def test_notes_of_several_ranks_are_sorted_by_epoch_and_stay_in_order_within():
    def of(epochs, first):
        n = len(epochs)
        zero = np.zeros(n, np.float32)
        return Notes(np.array(epochs, np.int32), np.arange(first, first + n), zero, zero, zero, zero > 0)

    assert put_together([of([0, 1], 0), of([0, 0, 1], 10)]).index.tolist() == [0, 10, 11, 1, 12]
    assert put_together([]).index.dtype == np.int64


def test_states_come_back():
    ledger, other = Ledger(3, in_full=True), Ledger(3, in_full=True)
    ledger.put_aside(0, [1], [0.5], np.array([[1.0, 2]]), np.array([1]))
    noted(ledger)
    other.load(ledger.state())
    np.testing.assert_array_equal(other.latest(), ledger.latest())
    np.testing.assert_array_equal(other.mean_margins(), ledger.mean_margins())


@pytest.mark.parametrize("values", [[1.5, 2], np.array([1.5, 2]), torch.tensor([1.5, 2], requires_grad=True)])
def test_anything_becomes_an_array(values):
    assert plain(values).tolist() == [1.5, 2]
