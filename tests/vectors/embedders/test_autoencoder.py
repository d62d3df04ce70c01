"""autoencoder: the seed decides, more steps redraw images better, and images of any size fit."""

import numpy as np
import pytest
import torch

import curate
from curate import finder
from curate.data.dataset import Dataset
from curate.data.images import ResidentImages
from curate.errors import CurateError
from curate.vectors.embedder import Work


@pytest.fixture(scope="module")
def digits():
    return curate.open_dataset("digits").take(np.arange(70))


def vectors_of(dataset, seed=0, dim=5, n_steps=4, **options):
    own = {"n_steps": n_steps, "width": 4, "batch_size": 32, **options}
    made = finder.make("embedders", "autoencoder", own)(dataset, dim, Work(seed=seed))
    return np.concatenate(list(made.chunks(0, len(dataset)))), made


def test_the_seed_decides_and_what_was_drawn_before_does_not(digits):
    torch.manual_seed(5)
    before = torch.get_rng_state()
    one, _ = vectors_of(digits, seed=1)
    assert (torch.get_rng_state() == before).all()
    torch.rand(3)
    assert (vectors_of(digits, seed=1)[0] == one).all()
    assert (vectors_of(digits, seed=2)[0] != one).any()


def test_a_longer_run_redraws_the_images_better(digits):
    """And better than the mean of all pixels does, whose squared error is their variance."""
    short, long = (vectors_of(digits, n_steps=n_steps, lr=0.01)[1].summary for n_steps in (5, 60))
    assert (short["n_steps"], long["n_steps"]) == (5, 60)
    assert long["mean_squared_error"] < short["mean_squared_error"]
    assert long["mean_squared_error"] < (digits.images.read(np.arange(70)) / 255).var()


def test_it_ends_where_more_steps_bring_nothing(digits):
    few = digits.take(np.arange(32))  # one batch: the error of a network that stands still is the same
    still, learning = (vectors_of(few, n_steps=300, lr=lr)[1].summary["n_steps"] for lr in (1e-12, 0.01))
    assert (still, learning) == (200, 300)


def test_the_vector_of_an_image_does_not_depend_on_where_it_stands(digits):
    twice = digits.take(np.array([3, 8, 3]))
    vectors, made = vectors_of(twice, dim=7)
    assert (vectors.shape, made.dim) == ((3, 7), 7)
    np.testing.assert_allclose(vectors[0], vectors[2], atol=1e-6)
    assert (vectors[0] != vectors[1]).any()


@pytest.mark.parametrize("shape", [(1, 1, 1), (5, 3, 3), (9, 6, 1)])
def test_images_of_any_size_are_redrawn_at_that_size(shape):
    pixels = np.random.default_rng(0).integers(0, 256, (6, *shape), dtype=np.uint8)
    dataset = Dataset("noise", ResidentImages(pixels), None, [], np.arange(6, dtype=np.uint64))
    vectors, made = vectors_of(dataset)
    assert vectors.shape == (6, 5)
    assert 0 < made.summary["mean_squared_error"] < 1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"dim": 0}, "dim=0 is out of range: use 1 or more"),
        ({"n_steps": 0}, "n_steps=0 is out of range: use 1 or more"),
        ({"width": -1}, "width=-1 is out of range: use 1 or more"),
        ({"batch_size": 0}, "batch_size=0 is out of range: use 1 or more"),
        ({"lr": 0.0}, "lr=0.0 is out of range: use more than 0"),
        ({"lr": float("inf")}, "lr=inf is out of range: use more than 0"),
    ],
)
def test_what_is_out_of_range_is_refused(digits, changes, message):
    with pytest.raises(CurateError, match=message):
        vectors_of(digits, **changes)
