"""train: what a run leaves behind, byte for byte again, and whose option is whose."""

import numpy as np
import pyarrow.parquet as pq
import pytest
from helpers.trained import QUICK, sha_of_saved

import curate
from curate.errors import CurateError


def test_train_leaves_weights_metrics_and_manifest(trained):
    folder = trained.manifest.path
    assert sorted(path.name for path in folder.iterdir()) == [
        "README.md",
        "manifest.json",
        "metrics.parquet",
        "model.safetensors",
        "samples.parquet",
        "selection.parquet",
    ]
    metrics = pq.read_table(folder / "metrics.parquet").to_pylist()
    assert [row["epoch"] for row in metrics] == [0, 1]
    assert metrics[-1]["samples_seen"] == 2 * 1443
    assert metrics[-1]["test_accuracy"] == trained.epochs[-1].test_accuracy
    assert trained.manifest.selected(0).indices.tolist() == list(range(1443))


def test_the_same_training_gives_the_same_bytes(trained, tmp_path):
    again = curate.train("digits", hyperparameters=QUICK, seed=3, output=tmp_path / "run")
    for file in trained.manifest.path.iterdir():
        assert file.read_bytes() == (again.manifest.path / file.name).read_bytes(), file.name


def test_recorded_is_a_policy_like_any_other(digits_round, tmp_path, digits):
    """`train --policy recorded` and `replay` are the same thing."""
    made = curate.train(
        digits,
        policy="recorded",
        options={"manifest": str(digits_round.manifest)},
        hyperparameters=QUICK,
        output=tmp_path / "run",
    )
    replayed = curate.replay(digits_round.manifest, hyperparameters=QUICK, trials=1)
    assert sha_of_saved(tmp_path / "run" / "model.safetensors") == replayed.runs[0].trials[0].weights_sha256
    assert made.manifest.selected(0).indices.tolist() == [
        *curate.open_manifest(digits_round.manifest).selected(0).indices
    ]


def test_options_go_to_the_model_or_the_policy_by_name(digits, tmp_path):
    with pytest.raises(CurateError, match=r"neither model basic-cnn nor policy full has an option 'widht'"):
        curate.train(digits, options={"widht": 3}, output=tmp_path / "run")
    made = curate.train(
        digits, options={"width": "4"}, hyperparameters={"n_epochs": 1}, output=tmp_path / "run"
    )
    assert made.manifest.header.options["model_options"] == {"width": 4}


def test_unlabelled_data_cannot_be_trained_on(tmp_path):
    np.savez(tmp_path / "x.npz", x=np.random.default_rng(0).integers(0, 256, (30, 6, 6), dtype=np.uint8))
    with pytest.raises(CurateError, match=r"x.npz has no labels and training needs them"):
        curate.train(str(tmp_path / "x.npz"), output=tmp_path / "run")


def test_a_policy_that_builds_on_scores_trains_as_they_were_made(here, cli):
    few = ("--image-size", 6, "--model", "lenet5", "--epochs", 1)
    assert cli("score", "digits", "--method", "aum", *few, "-o", "s.parquet").code == 0
    done = cli("train", "digits", "--policy", "static-ucb", "--from", "s.parquet", "--epochs", 2, "-o", "run")
    assert done.code == 0, done.err
    assert "as what it builds on: lenet5, images of 6 pixels" in done.err
    header = curate.open_manifest("run").header
    assert (header.options["model"], header.dataset.image_size) == ("lenet5", 6)
