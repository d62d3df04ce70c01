"""Evaluation: accuracies are counted."""

import numpy as np
import pytest
import torch
from helpers.runs import run
from torch.nn import functional

from curate.training.batches import Batches
from curate.training.evaluate import evaluate

pytest_plugins = ["helpers.sessions"]


def test_evaluation_equals_counting(digits):
    learner, _ = run(digits)
    result = evaluate(learner, Batches(digits, learner), 10)
    images = torch.from_numpy(digits.images.read(np.arange(300))).permute(0, 3, 1, 2)
    with torch.inference_mode():
        logits = learner.module.eval()(learner.normalized(images))
    guesses = logits.argmax(1).numpy()
    assert result.accuracy == pytest.approx((guesses == digits.labels).mean())
    per_class = [(guesses == digits.labels)[digits.labels == c].mean() for c in range(10)]
    np.testing.assert_allclose(result.per_class, per_class)
    assert result.worst_class == pytest.approx(min(per_class))
    expected = functional.cross_entropy(logits, torch.from_numpy(digits.labels)).item()
    assert result.loss == pytest.approx(expected, rel=1e-5)


def test_a_class_without_test_samples_has_no_accuracy(digits):
    learner, _ = run(digits)
    some = digits.take(np.flatnonzero(digits.labels != 4))
    result = evaluate(learner, Batches(some, learner), 10)
    assert np.isnan(result.per_class[4])
    assert 0 <= result.worst_class <= 1
