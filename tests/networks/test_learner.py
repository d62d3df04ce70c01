"""Learners: normalization, and weights that are saved with all that belongs to them."""

import numpy as np
import pytest
from helpers.runs import run
from helpers.sessions import CPU

from curate.networks import learner as learners

pytest_plugins = ["helpers.sessions"]


def test_normalization_is_mean_and_deviation_whatever_the_order(digits):
    pixels = digits.images.read(np.arange(300)) / 255.0
    result = learners.normalization_of(digits)
    assert result.mean[0] == pytest.approx(pixels.mean(), abs=1e-9)
    assert result.std[0] == pytest.approx(pixels.std(), abs=1e-6)
    shuffled = digits.take(np.random.default_rng(0).permutation(300))
    assert learners.normalization_of(shuffled) == result


def test_saved_weights_are_loaded_with_all_that_belongs_to_them(digits, tmp_path):
    learner, _ = run(digits)
    learners.save(learner, tmp_path / "w.safetensors")
    result = learners.load(tmp_path / "w.safetensors", CPU)
    assert learners.weights_sha256(result) == learners.weights_sha256(learner)
    assert result.normalization == learner.normalization
    assert (result.model, result.classes, result.input_size) == ("basic-cnn", digits.classes, (8, 8))
