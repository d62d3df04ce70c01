"""Iterations with FAISS, as a GPU makes them: here its own code on the processor, beside ours."""

import faiss
import numpy as np
import pytest

from curate.vectors import gpus
from curate.vectors.lloyd import Processor


@pytest.fixture
def on_gpus(monkeypatch):
    class Kmeans(faiss.Kmeans):
        def __init__(self, *arguments, gpu, **more):
            assert gpu
            super().__init__(*arguments, **more)

    monkeypatch.setattr(faiss, "Kmeans", Kmeans)
    monkeypatch.setattr(faiss, "index_cpu_to_all_gpus", lambda index: index)
    monkeypatch.setattr(faiss, "get_num_gpus", lambda: 2)
    return gpus.Gpus


@pytest.mark.parametrize("spherical", [False, True])
def test_a_gpu_finds_what_a_processor_finds(on_gpus, spherical):
    chance = np.random.default_rng(0)
    sample = chance.normal(size=(400, 8)).astype(np.float32)
    sample /= np.linalg.norm(sample, axis=1, keepdims=True)
    ours, theirs = Processor(spherical), on_gpus(spherical)
    assert theirs.name == "2 GPUs (FAISS)"
    centroids, history = ours.settle(sample, sample[:7], 5)
    their_centroids, their_history = theirs.settle(sample, sample[:7], 5)
    np.testing.assert_allclose(their_centroids, centroids, atol=1e-4)
    np.testing.assert_allclose(their_history, history, rtol=1e-4)
    other = sample[50:60].copy()
    for near in (their_centroids, other):
        assert np.array_equal(theirs.nearest(sample, near), ours.nearest(sample, near))
        distances, numbers = ours.two_nearest(sample, near)
        their_distances, their_numbers = theirs.two_nearest(sample, near)
        assert np.array_equal(their_numbers, numbers)
        np.testing.assert_allclose(their_distances, distances, atol=1e-4)
