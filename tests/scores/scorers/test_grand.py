"""grand, against the gradients that autograd gives."""

import numpy as np
import pytest
import torch

from curate import finder
from curate.networks import learner as learners
from curate.training.batches import Batches

pytest_plugins = ["helpers.scored_digits"]


@pytest.mark.parametrize("model", ["basic-cnn", "lenet5"])
def test_grand_is_the_length_of_autograds_own_gradient(model, some_digits):
    learner = learners.build(model, {}, some_digits, 0, torch.device("cpu"))
    learner.module.eval()
    _, images, labels = next(Batches(some_digits, learner).plain(np.arange(6), 6))
    expected, of_last = [], []
    last = [part for part in learner.module.modules() if isinstance(part, torch.nn.Linear)][-1]
    for image, label in zip(images, labels, strict=True):
        learner.module.zero_grad()
        torch.nn.functional.cross_entropy(learner.logits(image[None]), label[None]).backward()
        gradients = [parameter.grad for parameter in learner.module.parameters()]
        expected.append(torch.cat([gradient.flatten() for gradient in gradients]).norm())
        of_last.append(torch.cat([last.weight.grad.flatten(), last.bias.grad]).norm())
    for layers, values in (("all", expected), ("last", of_last)):
        result = finder.make("scorers", "grand", {"layers": layers}).of_batch(learner, images, labels)
        assert torch.allclose(result, torch.stack(values), rtol=1e-4)
