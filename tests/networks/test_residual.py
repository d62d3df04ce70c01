"""The residual block: what goes through it, and what goes past it."""

import pytest
import torch
from torch import nn

from curate.networks.residual import BasicBlock


@pytest.mark.parametrize(("n_in", "n_out", "stride"), [(4, 4, 1), (4, 8, 1), (4, 8, 2), (4, 4, 2)])
def test_sizes(n_in, n_out, stride):
    outcome = BasicBlock(n_in, n_out, stride)(torch.zeros(2, n_in, 6, 6))
    assert outcome.shape == (2, n_out, 6 // stride, 6 // stride)


def test_where_nothing_goes_through_the_shortcut_is_all():
    block = BasicBlock(3, 3, 1)
    nn.init.zeros_(block.main[-1].weight)
    nn.init.zeros_(block.main[-1].bias)
    images = torch.randn(2, 3, 5, 5)
    assert torch.equal(block(images), images.clamp(min=0))
