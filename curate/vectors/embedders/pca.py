"""pca: principal components of the pixels, the directions in which a dataset varies most.

Pixels are scaled to 0..1 and centred. Up to 4,096 pixel values per image the components are exact for
any number of images: the covariance is summed chunk by chunk in float64 and decomposed once. Above
that, scikit-learn's IncrementalPCA approximates them in bounded memory. Source: Pearson 1901.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from curate.data.dataset import Dataset
from curate.errors import CurateError
from curate.vectors.embedder import Vectorized, Work

_EXACT_UP_TO = 4096
_CHUNK = 4096


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
        with work.progress.task("fit PCA", n, "images"):
            if width <= self.exact_up_to:
                mean, components, variance, total = _exact(dataset, wanted, work)
            else:
                mean, components, variance, total = _incremental(dataset, wanted, work)
        scale = np.sqrt(np.maximum(variance, 1e-12)) if self.whiten else np.ones(wanted)
        projection = (components.T / scale).astype(np.float32)

        def chunks() -> Iterator[npt.NDArray[np.float32]]:
            with work.progress.task("project", n, "images"):
                for images in _flat_chunks(dataset):
                    yield np.asarray((images - mean) @ projection, np.float32)
                    work.progress.advance(len(images))

        share = variance / total if total > 0 else np.zeros(wanted)
        return Vectorized(
            chunks(),
            wanted,
            {
                "fit": "exact" if width <= self.exact_up_to else "incremental",
                "explained_variance_ratio": [round(float(part), 8) for part in share],
            },
        )


def _flat_chunks(dataset: Dataset, size: int = _CHUNK) -> Iterator[npt.NDArray[np.float32]]:
    for start in range(0, len(dataset), size):
        images = dataset.images.read(np.arange(start, min(start + size, len(dataset))))
        yield np.divide(images.reshape(len(images), -1), 255, dtype=np.float32)


def _exact(dataset: Dataset, dim: int, work: Work) -> tuple[Any, Any, Any, float]:
    """Mean, components `[dim, width]`, their variances, and the total variance."""
    import scipy.linalg

    n, width = len(dataset), int(np.prod(dataset.images.shape))
    sums, products = np.zeros(width), np.zeros((width, width))
    # Centring on one image first keeps the difference of large sums from losing digits.
    origin = dataset.images.read(np.array([0])).reshape(1, -1).astype(np.float32) / 255
    for images in _flat_chunks(dataset):
        centred = images - origin
        sums += centred.sum(axis=0, dtype=np.float64)
        products += centred.T @ centred
        work.progress.advance(len(images))
    mean = sums / n
    covariance = (products - n * np.outer(mean, mean)) / (n - 1)
    variance, vectors = scipy.linalg.eigh(covariance, subset_by_index=[width - dim, width - 1])
    components = _signed(vectors.T[::-1])
    total = float(np.trace(covariance))
    return (mean + origin[0]).astype(np.float32), components, np.maximum(variance[::-1], 0), total


def _incremental(dataset: Dataset, dim: int, work: Work) -> tuple[Any, Any, Any, float]:
    from sklearn.decomposition import IncrementalPCA

    model = IncrementalPCA(dim)
    size = max(_CHUNK, 2 * dim)
    waiting: npt.NDArray[np.float32] | None = None
    for images in _flat_chunks(dataset, size):
        if waiting is not None and len(images) < dim:  # a last part smaller than dim joins the one before
            waiting, images = None, np.concatenate([waiting, images])  # noqa: PLW2901
        if waiting is not None:
            model.partial_fit(waiting)
        waiting = images
        work.progress.advance(min(size, len(images)))
    model.partial_fit(waiting)
    n = len(dataset)
    total = float(model.var_.sum()) * n / (n - 1)  # var_ divides by n, explained_variance_ by n - 1
    return model.mean_.astype(np.float32), _signed(model.components_), model.explained_variance_, total


def _signed(components: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.floating[Any]]:
    """The largest entry of each component positive, so that a sign is not a matter of chance."""
    largest = np.abs(components).argmax(axis=1)
    return components * np.sign(components[np.arange(len(components)), largest])[:, None]
