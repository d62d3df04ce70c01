"""Pooling, against that of torch."""

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from curate.networks.pooling import MaxPool2


@given(
    shape=st.tuples(*[st.integers(1, 3), st.integers(1, 3), st.integers(2, 9), st.integers(2, 9)]),
    seed=st.integers(0, 99),
)
@settings(max_examples=40, deadline=None)
def test_pooling_gives_the_bits_and_gradients_of_torch(shape, seed):
    images = torch.from_numpy(np.random.default_rng(seed).integers(-3, 4, shape)).float()
    with torch.inference_mode():
        assert torch.equal(MaxPool2()(images), functional.max_pool2d(images, 2))
    images.requires_grad_(True)
    ours, theirs = MaxPool2()(images), functional.max_pool2d(images, 2)
    assert torch.equal(ours, theirs)
    assert torch.equal(*(torch.autograd.grad(pooled.sum(), images)[0] for pooled in (ours, theirs)))
