"""On real data: MNIST and CIFAR-10 from Parquet. Needs CURATE_DATA."""

import os
from pathlib import Path

import numpy as np
import pytest

import curate

pytestmark = pytest.mark.data
ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def mnist():
    folder = Path(os.environ["CURATE_DATA"]) / "mnist"
    return [curate.open_dataset(str(folder), curate.Options(split=split)) for split in ("train", "test")]


def test_mnist_is_what_it_should_be(mnist):
    train, test = mnist
    assert (len(train), len(test)) == (60_000, 10_000)
    assert np.bincount(train.labels).tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert train.images.shape == (28, 28, 1)


def test_the_committed_mnist_manifest_belongs_to_it(mnist):
    manifest = curate.open_manifest(ROOT / "manifests" / "mnist-furthest-30000")
    assert manifest.header.dataset.fingerprint == mnist[0].fingerprint
    assert len(manifest.selected(0).indices) == 30_000


def test_mnist_pruned_to_a_twentieth_learns(mnist, tmp_path):
    embedding = curate.embed(mnist[0], output=tmp_path / "e.safetensors")
    assert sum(embedding.header.summary["explained_variance_ratio"]) == pytest.approx(0.825, abs=0.005)
    table = curate.cluster(embedding, 500, output=tmp_path / "c.parquet")
    manifest = curate.select(table, "hybrid", keep=3000, output=tmp_path / "m")
    result = curate.replay(manifest, mnist[0], test=mnist[1], model="lenet5", trials=1, against=["random"])
    assert result.runs[0].trials[0].accuracy > 0.94
    assert result.runs[1].trials[0].accuracy > 0.93


def test_the_regime_chosen_of_itself_is_right_where_the_best_one_flips(mnist, tmp_path):
    scores = curate.score(mnist[0], "aum", model="lenet5", output=tmp_path / "s.parquet")
    for keep, trials, right in ((600, 3, "stratified"), (30_000, 1, "hard")):
        accuracy, kept = {}, {}
        for regime in ("hard", "easy", "stratified", "auto"):
            manifest = curate.select(scores, regime=regime, keep=keep, output=tmp_path / f"{regime}-{keep}")
            kept[regime] = manifest.selected(0).indices.tolist()
            if regime != "auto":
                result = curate.replay(manifest, mnist[0], test=mnist[1], model="lenet5", trials=trials)
                accuracy[regime] = result.runs[0].summary("accuracy").mean
        print(keep, accuracy)
        assert kept["auto"] == kept[right]
        # At 30,000 hard and stratified are level.
        assert accuracy[right] > max(accuracy.values()) - 0.002
    assert accuracy["hard"] > accuracy["easy"] + 0.01


def test_cifar10_the_whole_way(tmp_path):
    data = str(Path(os.environ["CURATE_DATA"]) / "cifar10")
    train = curate.open_dataset(data)
    assert (len(train), train.images.shape) == (50_000, (32, 32, 3))
    assert train.classes[0] == "airplane"
    embedding = curate.embed(train, dim=30, output=tmp_path / "e.safetensors")
    table = curate.cluster(embedding, 100, spherical=True, output=tmp_path / "c.parquet")
    manifest = curate.select(table, "closest", keep=2000, class_floor=0.5, output=tmp_path / "m")
    result = curate.replay(manifest, train, options={"width": 8}, hyperparameters={"n_epochs": 2}, trials=1)
    assert result.runs[0].trials[0].accuracy > 0.15
