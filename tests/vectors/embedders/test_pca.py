"""pca, against scikit-learn."""

import numpy as np
import pytest
from PIL import Image
from sklearn.decomposition import PCA

import curate
from curate import finder
from curate.errors import CurateError
from curate.vectors.embedder import Work
from curate.vectors.embedders.pca import Pca


@pytest.fixture(scope="module")
def digits():
    return curate.open_dataset("digits")


def pixels_of(dataset):
    return dataset.images.read(np.arange(len(dataset))).reshape(len(dataset), -1) / 255.0


def vectors_of(dataset, dim=None, **options):
    made = finder.make("embedders", "pca", options)(dataset, dim, Work())
    return np.concatenate(list(made.chunks(0, len(dataset)))), made.summary


def test_exact_pca_equals_scikit_learn_up_to_signs(digits):
    ours, summary = vectors_of(digits, 12)
    reference = PCA(12, svd_solver="full").fit(pixels_of(digits))
    theirs = reference.transform(pixels_of(digits))
    assert np.abs(np.abs(ours) - np.abs(theirs)).max() < 5e-5
    np.testing.assert_allclose(
        summary["explained_variance_ratio"], reference.explained_variance_ratio_, atol=1e-6
    )


@pytest.fixture(scope="module")
def textures(tmp_path_factory):
    """600 images of 24 x 24 in colour, whose variance falls off slowly, as that of photographs does."""
    chance = np.random.default_rng(0)
    waves = np.linalg.qr(chance.standard_normal((24 * 24 * 3, 300)))[0]
    values = chance.standard_normal((600, 300)) * (np.arange(1, 301) ** -0.7) @ waves.T
    pixels = np.clip(128 + 400 * values, 0, 255).astype(np.uint8).reshape(600, 24, 24, 3)
    for number, image in enumerate(pixels):
        path = tmp_path_factory.getbasetemp() / "textures" / "one" / f"{number:03}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(path)
    return str(path.parent.parent)


def test_randomized_pca_explains_as_much_as_the_exact_one(textures):
    images = curate.open_dataset(textures, curate.Options(split="all"))
    ours, summary = vectors_of(images, 10, exact_up_to=10)
    assert summary["fit"] == "randomized"
    reference = PCA(10, svd_solver="full").fit(pixels_of(images))
    share, theirs = np.array(summary["explained_variance_ratio"]), reference.explained_variance_ratio_
    assert (share <= theirs + 1e-5).all()
    np.testing.assert_allclose(share, theirs, rtol=0.02)
    assert share.sum() > 0.997 * theirs.sum()
    # What the vectors hold is what is said of them, and no component says what another does.
    kept = np.cov(ours.T)
    total = pixels_of(images).var(axis=0, ddof=1).sum()
    np.testing.assert_allclose(np.diag(kept) / total, share, rtol=0.02)
    assert np.abs(kept - np.diag(np.diag(kept))).max() < 0.01 * kept[0, 0]


def test_randomized_pca_is_the_same_to_the_bit_resident_and_streamed_and_whatever_the_seed(textures):
    first, summary = None, None
    for stream, seed in ((False, 0), (True, 0), (False, 7)):
        images = curate.open_dataset(textures, curate.Options(split="all", stream=stream))
        made = Pca(exact_up_to=10)(images, 10, Work(seed=seed))
        vectors = np.concatenate(list(made.chunks(0, len(images))))
        first, summary = vectors if first is None else first, summary or made.summary
        assert (vectors == first).all()
        assert made.summary == summary


def test_randomized_pca_takes_more_components_than_random_directions_find(digits):
    few = digits.take(np.arange(130))
    ours, summary = vectors_of(few, 63, exact_up_to=10)
    assert ours.shape == (130, 63)
    assert np.isfinite(ours).all()
    assert sum(summary["explained_variance_ratio"]) == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("n", [20, 40])
def test_randomized_pca_explains_what_scikit_learn_says_and_never_more_than_all(digits, n):
    """All components of few samples: the shares add up to 1, where variances are divided alike."""
    few = digits.take(np.arange(n))
    _, summary = vectors_of(few, n - 1, exact_up_to=10)
    assert summary["fit"] == "randomized"
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
