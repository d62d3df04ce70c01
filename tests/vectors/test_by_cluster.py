"""Vectors cluster by cluster: the same in memory and from files, and a disk that is too small is named."""

import shutil
from types import SimpleNamespace

import numpy as np
import pytest

from curate.errors import CurateError
from curate.vectors import by_cluster as sorting
from curate.vectors.by_cluster import by_cluster
from curate.vectors.opening import open_embedding

CLUSTER = np.random.default_rng(1).choice([0, 2, 3, 7, 8], 500).astype(np.int32)


@pytest.fixture
def embedding(here):
    np.save("v.npy", np.random.default_rng(0).normal(size=(500, 6)).astype(np.float32))
    return open_embedding("v.npy")


@pytest.mark.parametrize("at_once", [2**30, 4096, 1])
def test_every_cluster_comes_once_with_its_own_vectors(embedding, monkeypatch, at_once):
    monkeypatch.setattr(sorting, "AT_ONCE_BYTES", at_once)
    seen = []
    for rows, vectors in by_cluster(embedding, CLUSTER):
        assert len(set(CLUSTER[rows])) == 1
        assert rows.tolist() == np.flatnonzero(CLUSTER[rows[0]] == CLUSTER).tolist()
        assert np.array_equal(vectors, embedding.read(0, 500)[rows])
        seen.append(int(CLUSTER[rows[0]]))
    assert seen == [0, 2, 3, 7, 8]


@pytest.mark.parametrize("at_once", [2**30, 4096, 1])
@pytest.mark.parametrize("only", [[0, 7], [1, 8], [1]])
def test_some_clusters_come_alone(embedding, monkeypatch, at_once, only):
    monkeypatch.setattr(sorting, "AT_ONCE_BYTES", at_once)
    wanted = np.isin(np.arange(9), only)
    whole = {int(CLUSTER[rows[0]]): (rows, vectors) for rows, vectors in by_cluster(embedding, CLUSTER)}
    some = {
        int(CLUSTER[rows[0]]): (rows, vectors)
        for rows, vectors in by_cluster(embedding, CLUSTER, only=wanted)
    }
    assert sorted(some) == [number for number in only if number in whole]
    for number, (rows, vectors) in some.items():
        assert np.array_equal(rows, whole[number][0])
        assert np.array_equal(vectors, whole[number][1])


def test_a_disk_without_room_is_named_before_any_work(embedding, monkeypatch):
    monkeypatch.setattr(sorting, "AT_ONCE_BYTES", 1)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=100))
    with pytest.raises(CurateError, match="name a folder with more in TMPDIR"):
        next(by_cluster(embedding, CLUSTER))
