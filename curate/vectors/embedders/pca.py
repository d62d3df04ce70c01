"""pca: principal components of the pixels, the directions in which a dataset varies most.

Pixels are scaled to 0..1 and centred. Up to 4,096 pixel values per image the components are exact for
any number of images: the covariance is summed chunk by chunk in float64 and decomposed once. Above
that, they are found by random directions in two passes over the images and bounded memory. Sources: Pearson
1901; Halko, Martinsson and Tropp 2011.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from curate import world
from curate.data.dataset import Dataset
from curate.errors import CurateError
from curate.rng import rng
from curate.vectors.embedder import Fitted, Vectorized, Work

_EXACT_UP_TO = 4096
_CHUNK, _CHUNK_VALUES = 4096, 2**24  # images, and values of all of them: 64 MiB
_FITTED = ("mean", "components", "variance", "total")
_MORE = 100  # directions beyond those that are wanted


@dataclass(frozen=True)
class Pca:
    """Principal components; `whiten` scales each to variance 1, `exact_up_to` is in pixel values."""

    whiten: bool = False
    exact_up_to: int = _EXACT_UP_TO

    def __call__(self, dataset: Dataset, dim: int | None, work: Work) -> Vectorized:
        n, width = len(dataset), int(np.prod(dataset.images.shape))
        most = min(n - 1, width)
        wanted = min(50, most) if dim is None else dim
        if not 1 <= wanted <= most:
            raise CurateError(
                f"dim={wanted} is out of range: {n:,} images of {width:,} values have at most "
                f"{most} principal components"
            )
        is_exact = width <= self.exact_up_to

        def fit() -> Fitted:
            start, stop = world.share(n)
            with work.progress.task("fit PCA", (stop - start) * (1 if is_exact else 2), "images"):
                found = (_exact if is_exact else _randomized)(dataset, wanted, work)
            return dict(zip(_FITTED, map(np.asarray, found), strict=True))

        mean, components, variance, total = map(work.fitted(fit).__getitem__, _FITTED)
        scale = np.sqrt(np.maximum(variance, 1e-12)) if self.whiten else np.ones(wanted)
        projection = (components.T / scale).astype(np.float32)

        def chunks(start: int, stop: int) -> Iterator[npt.NDArray[np.float32]]:
            for images in _flat_chunks(dataset, start, stop):
                yield np.asarray((images - mean) @ projection, np.float32)

        share = variance / total if total > 0 else np.zeros(wanted)
        return Vectorized(
            chunks,
            wanted,
            {
                "fit": "exact" if is_exact else "randomized",
                "explained_variance_ratio": [round(float(part), 8) for part in share],
            },
        )


def _flat_chunks(dataset: Dataset, start: int, stop: int) -> Iterator[npt.NDArray[np.float32]]:
    size = max(1, min(_CHUNK, _CHUNK_VALUES // int(np.prod(dataset.images.shape))))
    for first in range(start, stop, size):
        images = dataset.images.read(np.arange(first, min(first + size, stop)))
        yield np.divide(images.reshape(len(images), -1), 255, dtype=np.float32)


def _exact(dataset: Dataset, dim: int, work: Work) -> tuple[Any, Any, Any, float]:
    """Mean, components `[dim, width]`, their variances, and the total variance."""
    import scipy.linalg

    n, width = len(dataset), int(np.prod(dataset.images.shape))
    sums, products = np.zeros(width), np.zeros((width, width))
    # Centring on one image first keeps the difference of large sums from losing digits.
    origin = dataset.images.read(np.array([0])).reshape(1, -1).astype(np.float32) / 255
    for images in _flat_chunks(dataset, *world.share(n)):
        centred = images - origin
        sums += centred.sum(axis=0, dtype=np.float64)
        products += centred.T @ centred
        work.progress.advance(len(images))
    sums, products = map(world.here().total, (sums, products))
    mean = sums / n
    covariance = (products - n * np.outer(mean, mean)) / (n - 1)
    variance, vectors = scipy.linalg.eigh(covariance, subset_by_index=[width - dim, width - 1])
    components = _signed(vectors.T[::-1])
    total = float(np.trace(covariance))
    return (mean + origin[0]).astype(np.float32), components, np.maximum(variance[::-1], 0), total


def _randomized(dataset: Dataset, dim: int, work: Work) -> tuple[Any, Any, Any, float]:
    """The same in two passes over the images, without the covariance: what it does to a few directions.

    The first pass applies it to directions drawn at random, the second to an orthonormal basis of what came
    out; from that, Nyström's method gives its largest eigenvectors.
    """
    n, width = len(dataset), int(np.prod(dataset.images.shape))
    n_directions = min(n - 1, width, dim + max(_MORE, dim))
    drawn = rng(0, "pca").standard_normal((width, n_directions))
    mean, total, applied = _applied(dataset, drawn, work)
    basis, _ = np.linalg.qr(applied)
    _, _, applied = _applied(dataset, basis, work)
    within = basis.T @ applied
    sizes, turned = np.linalg.eigh((within + within.T) / 2)
    kept = sizes > sizes[-1] * np.finfo(np.float32).eps
    left, singular, _ = np.linalg.svd(applied @ (turned[:, kept] / np.sqrt(sizes[kept])), full_matrices=False)
    components, variance = np.zeros((dim, width)), np.zeros(dim)
    found = min(dim, len(singular))
    components[:found], variance[:found] = left.T[:found], singular[:found] ** 2
    origin = dataset.images.read(np.array([0])).reshape(-1).astype(np.float32) / 255
    return (mean + origin).astype(np.float32), _signed(components), variance, total


def _applied(dataset: Dataset, directions: Any, work: Work) -> tuple[Any, float, Any]:
    """One pass: the mean less the first image, the total variance, and the covariance times `directions`."""
    n, width = len(dataset), len(directions)
    sums, squares, products = np.zeros(width), np.zeros(1), np.zeros(directions.shape)
    narrow = directions.astype(np.float32)
    origin = dataset.images.read(np.array([0])).reshape(1, -1).astype(np.float32) / 255
    for images in _flat_chunks(dataset, *world.share(n)):
        centred = images - origin
        sums += centred.sum(axis=0, dtype=np.float64)
        squares += np.einsum("ij,ij->", centred, centred, dtype=np.float64)
        products += centred.T @ (centred @ narrow)
        work.progress.advance(len(images))
    sums, squares, products = map(world.here().total, (sums, squares, products))
    mean = sums / n
    covariance = (products - n * np.outer(mean, mean @ directions)) / (n - 1)
    return mean, (float(squares[0]) - n * float(mean @ mean)) / (n - 1), covariance


def _signed(components: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.floating[Any]]:
    """The largest entry of each component positive, so that a sign is not a matter of chance."""
    largest = np.abs(components).argmax(axis=1)
    return components * np.sign(components[np.arange(len(components)), largest])[:, None]
