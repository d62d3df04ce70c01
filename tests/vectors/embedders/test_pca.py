"""pca, against scikit-learn."""

import numpy as np
import pytest
from sklearn.decomposition import PCA

import curate
from curate import finder
from curate.errors import CurateError
from curate.vectors.embedder import Work


@pytest.fixture(scope="module")
def digits():
    return curate.open_dataset("digits")


def pixels_of(dataset):
    return dataset.images.read(np.arange(len(dataset))).reshape(len(dataset), -1) / 255.0


def vectors_of(dataset, dim=None, **options):
    made = finder.make("embedders", "pca", options)(dataset, dim, Work())
    return np.concatenate(list(made.chunks)), made.summary


def test_exact_pca_equals_scikit_learn_up_to_signs(digits):
    ours, summary = vectors_of(digits, 12)
    reference = PCA(12, svd_solver="full").fit(pixels_of(digits))
    theirs = reference.transform(pixels_of(digits))
    assert np.abs(np.abs(ours) - np.abs(theirs)).max() < 5e-5
    np.testing.assert_allclose(
        summary["explained_variance_ratio"], reference.explained_variance_ratio_, atol=1e-6
    )


def test_incremental_pca_spans_nearly_the_same_space(digits):
    ours, summary = vectors_of(digits, 8, exact_up_to=10)
    assert summary["fit"] == "incremental"
    theirs = PCA(8, svd_solver="full").fit_transform(pixels_of(digits))
    assert abs(ours.var(axis=0).sum() / theirs.var(axis=0).sum() - 1) < 0.02


def test_incremental_pca_takes_a_last_part_smaller_than_dim(digits):
    few = digits.take(np.arange(130))
    ours, _ = vectors_of(few, 60, exact_up_to=10)
    assert ours.shape == (130, 60)


@pytest.mark.parametrize("n", [20, 40])
def test_incremental_pca_explains_what_scikit_learn_says_and_never_more_than_all(digits, n):
    """All components of few samples: the shares add up to 1, where variances are divided alike."""
    few = digits.take(np.arange(n))
    _, summary = vectors_of(few, n - 1, exact_up_to=10)
    assert summary["fit"] == "incremental"
    share = np.array(summary["explained_variance_ratio"])
    reference = PCA(n - 1, svd_solver="full").fit(pixels_of(few))
    np.testing.assert_allclose(share, reference.explained_variance_ratio_, atol=1e-6)
    assert share.sum() <= 1 + 1e-6
    assert share.sum() == pytest.approx(1, abs=1e-5)
    _, exact = vectors_of(few, n - 1)
    np.testing.assert_allclose(share, exact["explained_variance_ratio"], atol=1e-5)


def test_whitened_pca_has_variance_one(digits):
    ours, _ = vectors_of(digits, 5, whiten=True)
    np.testing.assert_allclose(ours.var(axis=0, ddof=1), 1, rtol=1e-3)


def test_pca_does_not_depend_on_a_constant_dataset():
    flat = curate.open_dataset("digits").take(np.zeros(4, np.int64))
    ours, summary = vectors_of(flat, 2)
    assert np.isfinite(ours).all()
    assert summary["explained_variance_ratio"] == [0.0, 0.0]


def test_more_components_than_there_are_is_an_error(digits):
    with pytest.raises(
        CurateError, match=r"dim=65 is out of range: 1,443 images of 64 values have at most 64"
    ):
        vectors_of(digits, 65)
