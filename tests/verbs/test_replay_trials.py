"""The trials of a replay: of which model, where neither the manifest nor the user names one."""

import numpy as np
import pytest

import curate


@pytest.fixture
def subset(tmp_path):
    """Half of 20 colour images of 50 x 50, chosen by scores from elsewhere; the data, and the manifest."""
    pixels = np.random.default_rng(0).integers(0, 256, (20, 50, 50, 3), dtype=np.uint8)
    data = curate.Dataset.from_arrays(pixels, np.arange(20) % 2)
    given = np.arange(20, dtype=np.float64)
    scores = curate.score(data, from_=given, hard_is="high", output=tmp_path / "scores.parquet")
    return data, curate.select(scores, "top", keep=0.5, output=tmp_path / "subset")


def test_a_static_manifest_is_replayed_with_the_model_for_its_images(subset, tmp_path):
    data, manifest = subset
    quick = {"n_epochs": 1}
    made = curate.replay(
        manifest,
        data,
        test=data.take(np.arange(4)),
        trials=1,
        hyperparameters=quick,
        options={"width": 2},
        output=tmp_path / "results.parquet",
    )
    assert made.model == "resnet10"
    named = curate.replay(
        manifest,
        data,
        model="basic-cnn",
        test=data.take(np.arange(4)),
        trials=1,
        hyperparameters=quick,
        output=tmp_path / "results.parquet",
    )
    assert (named.model, named.n_found) == ("basic-cnn", 0)
