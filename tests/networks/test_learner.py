"""Learners: normalization, and weights that are saved with all that belongs to them."""

import dataclasses

import numpy as np
import pytest
import torch
from helpers.runs import run
from helpers.sessions import CPU

import curate
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


@pytest.mark.parametrize(
    ("precision", "layout"), [("fp32", torch.contiguous_format), ("bf16", torch.channels_last)]
)
def test_images_and_weights_lie_as_the_precision_wants_and_stay_float32(precision, layout):
    data = curate.open_dataset("digits", curate.Options(image_size=32, channels=3)).take(np.arange(6))
    learner = learners.build("basic-cnn", {"width": 4}, data, 0, CPU, precision=precision)
    images = torch.from_numpy(data.images.read(np.arange(6))).permute(0, 3, 1, 2).contiguous()
    result = learner.normalized(images)
    assert result.dtype == torch.float32
    assert result.is_contiguous(memory_format=layout)
    mean, std = (np.array(each)[:, None, None] for each in dataclasses.astuple(learner.normalization))
    np.testing.assert_allclose(result.numpy(), (images.numpy() / 255 - mean) / std, rtol=1e-4, atol=1e-5)
    weights = [parameter for parameter in learner.module.parameters() if parameter.dim() == 4]
    assert all(weight.is_contiguous(memory_format=layout) for weight in weights)
    assert {parameter.dtype for parameter in learner.module.parameters()} == {torch.float32}
    logits = learner.logits(result)
    assert logits.dtype == torch.float32
    rounded = bool((logits == logits.bfloat16().float()).all())
    assert rounded is (precision == "bf16")


def test_weights_trained_in_bf16_are_loaded_to_compute_in_float32_on_a_cpu(digits, tmp_path):
    learner = learners.build("basic-cnn", {"width": 4}, digits, 0, CPU, precision="bf16")
    learners.save(learner, tmp_path / "w.safetensors")
    loaded = learners.load(tmp_path / "w.safetensors", CPU)
    assert (learner.precision, loaded.precision) == ("bf16", "fp32")
    assert learners.weights_sha256(loaded) == learners.weights_sha256(learner)
