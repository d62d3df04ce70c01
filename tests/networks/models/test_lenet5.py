"""lenet5, against the textbook order of its layers."""

import torch

from curate import finder


def test_lenet_pools_before_relu_without_changing_anything():
    """Against the textbook order of layers, with the same weights."""
    torch.manual_seed(0)
    ours = finder.make("models", "lenet5").build(1, 10)
    layers = list(ours)
    textbook = torch.nn.Sequential(*(layers[i] for i in (0, 1, 3, 2, 4, 5, 7, 6)), *layers[8:])
    images = torch.rand(16, 1, 32, 32)
    torch.testing.assert_close(ours(images), textbook(images))
    assert sum(parameter.numel() for parameter in ours.parameters()) == 61_750
