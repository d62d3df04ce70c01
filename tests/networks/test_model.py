"""What models share: a stem that keeps the resolution of small images."""

import pytest
import torch

from curate.networks.model import with_stem


@pytest.fixture
def resnet():
    from torchvision import models  # slow to import, and wanted here alone

    return models.resnet18(num_classes=10)


def test_a_stem_for_small_images_keeps_their_resolution_and_takes_their_channels(resnet):
    network = with_stem(resnet, "3x3", 1)
    images = torch.rand(2, 1, 9, 12)
    after_stem = network.maxpool(network.relu(network.bn1(network.conv1(images))))
    assert after_stem.shape == (2, 64, 9, 12)
    assert network.layer1(after_stem).shape == (2, 64, 9, 12)


def test_the_stem_is_drawn_by_the_fan_out_of_he_et_al(resnet):
    """A deviation of the square root of 2 over 9 · 64; 3 · 64 · 9 draws estimate it to about 2%."""
    torch.manual_seed(0)
    weights = with_stem(resnet, "3x3", 3).conv1.weight
    assert weights.shape == (64, 3, 3, 3)
    assert abs(weights.std().item() / (2 / (9 * 64)) ** 0.5 - 1) < 0.08
