"""resnet18: as large as published for 32x32 images and 10 classes."""

import pytest
import torch

from curate import finder
from curate.errors import CurateError


@pytest.mark.parametrize(("name", "channels", "parameters"), [("resnet18", 3, 11_173_962)])
def test_models_have_the_parameters_they_are_known_for(name, channels, parameters):
    with torch.device("meta"):  # sizes without numbers
        network = finder.make("models", name).build(channels, 10)
    assert sum(parameter.numel() for parameter in network.parameters()) == parameters


def test_images_are_taken_at_their_own_size():
    assert finder.make("models", "resnet18").input_size(20, 28) == (20, 28)


def test_the_stem_of_imagenet_halves_an_image_twice():
    network = finder.make("models", "resnet18", {"stem": "7x7"}).build(3, 1000)
    assert sum(parameter.numel() for parameter in network.parameters()) == 11_689_512  # as torchvision's
    features = torch.nn.Sequential(network.conv1, network.bn1, network.relu, network.maxpool)
    assert features(torch.zeros(1, 3, 64, 64)).shape == (1, 64, 16, 16)
    assert network(torch.zeros(2, 3, 64, 64)).shape == (2, 1000)
    grey = finder.make("models", "resnet18", {"stem": "7x7"}).build(1, 10)
    assert grey(torch.zeros(2, 1, 64, 64)).shape == (2, 10)
    with pytest.raises(CurateError, match="stem=5x5 is unknown: use one of 3x3, 7x7"):
        finder.make("models", "resnet18", {"stem": "5x5"})
