"""Manifests for those who do not train with curate, against the real datasets and WebDataset."""

import io
import tarfile

import numpy as np
import pytest
from helpers.manifests import EPOCHS, N, made

import curate
from curate.errors import CurateError

pytest_plugins = ["helpers.manifests"]


def test_indices_mask_and_weights(dynamic, static, tmp_path):
    for epoch, kept in enumerate(EPOCHS):
        assert dynamic.indices(epoch).tolist() == kept
        assert np.flatnonzero(dynamic.mask(epoch)).tolist() == kept
        assert dynamic.weights(epoch).tolist() == dynamic.mask(epoch).tolist()
    assert (dynamic.n, dynamic.n_epochs, static.n_epochs) == (N, 3, 1)
    assert static.indices(5).tolist() == EPOCHS[0]
    weighted = curate.load_manifest(made(tmp_path / "weighted", weights=2.5))
    assert weighted.weights(1).tolist() == (2.5 * weighted.mask(1)).tolist()
    with pytest.raises(CurateError, match="has epochs 0 to 2, not 3"):
        dynamic.indices(3)


def test_what_is_given_can_be_changed_without_harm(dynamic):
    dynamic.indices()[:] = 0
    assert dynamic.indices().tolist() == EPOCHS[0]


def test_datasets_select(dynamic):
    datasets = pytest.importorskip("datasets")
    dataset = datasets.Dataset.from_dict({"x": list(range(100, 100 + N))})
    assert dataset.select(dynamic.indices(2))["x"][:] == [100 + index for index in EPOCHS[2]]


def test_webdataset_by_key(dynamic, tmp_path):
    webdataset = pytest.importorskip("webdataset")
    keys = [f"sample{index:03d}" for index in range(N)]
    with tarfile.open(tmp_path / "shard.tar", "w") as tar:
        for index, key in enumerate(keys):
            content = str(index).encode()
            entry = tarfile.TarInfo(f"{key}.txt")
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    shard = str(tmp_path / "shard.tar")
    result = webdataset.WebDataset(shard, shardshuffle=False).select(dynamic.has_key(keys, 1))
    assert [int(sample["txt"]) for sample in result] == EPOCHS[1]
    assert dynamic.keys(keys, 1) == [keys[index] for index in EPOCHS[1]]
    with pytest.raises(CurateError, match="19 keys for 20 samples: give one per sample, in order of index"):
        dynamic.keys(keys[:-1])
