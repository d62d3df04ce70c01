"""Where datasets come from: known ones by any spelling, those of the Hub by their page, others not at all."""

import pytest

from curate.manifests.origins import Origin, origin_of


@pytest.mark.parametrize(
    ("reference", "origin"),
    [
        ("fashion-mnist", Origin("https://github.com/zalandoresearch/fashion-mnist", "mit")),
        ("Fashion_MNIST", Origin("https://github.com/zalandoresearch/fashion-mnist", "mit")),
        ("data/mnist/", Origin("https://huggingface.co/datasets/ylecun/mnist")),
        ("cifar10+noise=0.2", Origin("https://www.cs.toronto.edu/~kriz/cifar.html")),
        ("hf:ann/shapes@v1", Origin("https://huggingface.co/datasets/ann/shapes")),
        ("photos", Origin()),
    ],
)
def test_an_origin_is_told_by_the_reference(reference, origin):
    assert origin_of(reference) == origin
