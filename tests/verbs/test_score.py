"""score: defaults of the methods, and a run that diverges."""

import re

import pytest

import curate
from curate import finder
from curate.errors import CurateError
from curate.verbs import score_from_training

pytest_plugins = ["helpers.scored_digits"]


def test_defaults_are_those_of_the_method(some_digits, tmp_path, monkeypatch):
    asked = []

    def remember(source, methods, training, *rest, **more):
        asked.append((training.n_models, training.n_epochs, training.hyperparameters.n_epochs))
        raise CurateError("enough")

    monkeypatch.setattr(score_from_training, "score_from_training", remember)
    own = finder.load("models", "basic-cnn").hyperparameters.n_epochs
    for method, epochs in (("el2n", None), ("forgetting", None), ("el2n", 50)):
        with pytest.raises(CurateError, match="enough"):
            curate.score(some_digits, method, epochs=epochs, output=tmp_path / "x")
    with pytest.raises(CurateError, match="enough"):
        curate.score(some_digits, "el2n", model="resnet18", output=tmp_path / "x")
    long = finder.load("models", "resnet18").hyperparameters.n_epochs
    assert (own, long) == (20, 200)  # a tenth of the one is 2, of the other 20, as in the paper
    assert asked == [(10, 2, own), (1, own, own), (10, 50, 50), (10, 20, long)]


def test_the_help_says_how_much_training_a_method_wants(cli):
    said = " ".join(cli("score", "--help").out.split())
    assert "(from training or a trace; 1 model, all epochs)" in said
    assert "; 10 models, 10% of the epochs)" in said


@pytest.mark.parametrize("lr", [1e15, 1e20, 1e30])
def test_scores_of_a_diverging_run_name_epoch_and_sample(lr, tmp_path, cli):
    words = ["score", "digits+per-class=8", "--method", "aum", "--epochs", "3", "--optimizer", "sgd"]
    result = cli(*words, "--lr", lr, "-o", tmp_path / "s.parquet")
    assert result.code == 2
    assert re.search(r"the loss is (nan|inf) in epoch \d, first that of sample \d+: use a", result.err)
