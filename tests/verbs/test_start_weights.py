"""--weights: a run starts from those of a file or of an earlier run, in every command that trains."""

import numpy as np
import pytest
import torch
from helpers.commands import Noted, assert_error
from helpers.trained import sha_of_saved
from safetensors.torch import load_file

import curate

STILL = {"n_epochs": 1, "optimizer": "sgd", "momentum": 0.0, "weight_decay": 0.0, "lr": 1e-12}
SMALL = {"width": 2}


@pytest.fixture(scope="module")
def few():
    """150 samples for training and 50 for testing."""
    digits = curate.open_dataset("digits")
    return digits.take(np.arange(150)), digits.take(np.arange(150, 200))


@pytest.fixture(scope="module")
def earlier(few, tmp_path_factory):
    """A run of two epochs."""
    path = tmp_path_factory.mktemp("earlier") / "run"
    made = curate.train(few[0], test=few[1], options=SMALL, hyperparameters={"n_epochs": 2}, output=path)
    return made.manifest.path


def started(few, earlier, output, **more):
    shared = {"test": few[1], "options": SMALL, "hyperparameters": {"n_epochs": 1}, "seed": 5}
    return curate.train(few[0], weights=earlier, output=output, **{**shared, **more})


def test_a_run_starts_from_the_weights_of_another(few, earlier, here):
    noted = Noted()
    started(few, earlier, "still", hyperparameters=STILL, progress=noted)
    assert noted.notes == [f"model basic-cnn, that of the weights {earlier}", f"starts from {earlier}"]
    before, after = load_file(earlier / "model.safetensors"), load_file("still/model.safetensors")
    learned = [name for name in before if "running" not in name and "tracked" not in name]
    assert all(torch.allclose(before[name], after[name], atol=1e-6) for name in learned)
    drawn = curate.train(few[0], options=SMALL, hyperparameters=STILL, seed=5, test=few[1], output="drawn")
    assert drawn.manifest.header.options.get("start") is None
    other = load_file("drawn/model.safetensors")
    assert not all(torch.allclose(before[name], other[name], atol=1e-6) for name in learned)


def test_a_replay_from_the_same_weights_ends_in_the_same_and_without_them_says_so(few, earlier, here):
    made = started(few, earlier, "run")
    assert made.manifest.header.options["start"]["weights"] == earlier.name
    shared = {"test": few[1], "trials": 1}
    followed = curate.replay(made.manifest, few[0], weights=earlier, output="r.parquet", **shared)
    assert followed.runs[0].trials[0].weights_sha256 == sha_of_saved(here / "run" / "model.safetensors")
    assert followed.differs_in == []
    drawn = curate.replay(made.manifest, few[0], output="r.parquet", **shared)
    assert drawn.n_found == 0
    assert drawn.differs_in == ["weights that it starts from"]
    assert drawn.runs[0].trials[0].weights_sha256 != followed.runs[0].trials[0].weights_sha256


def test_scores_tell_what_their_models_started_from(few, earlier, here):
    shared = {"models": 2, "epochs": 1, "options": SMALL}
    noted = Noted()
    table = curate.score(few[0], "el2n", weights=earlier, output="s.parquet", progress=noted, **shared)
    assert f"starts from {earlier}" in noted.notes
    assert table.header.options["start"]["weights"] == earlier.name
    drawn = curate.score(few[0], "el2n", output="d.parquet", **shared)
    assert (table["el2n"] != drawn["el2n"]).any()
    assert table["el2n"].mean() < drawn["el2n"].mean()  # two epochs of training lie behind


def test_a_run_that_was_killed_goes_on_only_with_the_same_weights(few, earlier, here, cli):
    from helpers.unfinished_runs import PulledPlugError

    class Killed(Noted):
        def advance(self, amount=1, **live):
            if live.get("epoch") == "1/2":
                raise PulledPlugError

    two = {"hyperparameters": {"n_epochs": 2}}
    with pytest.raises(PulledPlugError):
        started(few, earlier, "run", progress=Killed(), **two)
    with pytest.raises(curate.CurateError, match="start"):
        curate.train(few[0], test=few[1], options=SMALL, seed=5, output="run", **two)
    started(few, earlier, "run", **two)
    calm = started(few, earlier, "calm", **two)
    assert sha_of_saved(here / "run" / "model.safetensors") == sha_of_saved(
        calm.manifest.path / "model.safetensors"
    )


def test_what_cannot_be_started_from_is_refused_before_any_work(cli, here, earlier):
    assert_error(cli("train", "digits", "--weights", "nowhere"), "there are no weights at nowhere")
    refused = cli("train", "digits", "--model", "lenet5", "--weights", earlier)
    assert_error(refused, "holds weights of another network than lenet5")
    refused = cli("score", "digits", "--from", "x.npy", "--hard-is", "high", "--weights", earlier)
    assert_error(refused, "a score from elsewhere trains nothing: leave out --weights")
    assert list(here.iterdir()) == []


def test_the_model_is_that_of_the_weights(few, earlier, here):
    for start in (earlier, earlier / "model.safetensors"):
        made = curate.train(few[0], test=few[1], weights=start, epochs=1, output=f"of-{start.name}")
        assert made.manifest.header.options["model"] == "basic-cnn"
        assert made.manifest.header.options["model_options"] == SMALL
        assert made.manifest.n_epochs == 1
