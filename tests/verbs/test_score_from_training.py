"""Scores by training: means and sums over models, the recipe of the whole run, and numbers that are none."""

import numpy as np
import pytest
from helpers.scored_digits import FP32, TRAINED, ranks

import curate
from curate import finder
from curate.errors import CurateError
from curate.training import ensemble
from curate.verbs import score_from_training

pytest_plugins = ["helpers.scored_digits"]


def test_scores_of_two_models_are_the_mean_or_sum_of_those_of_each(scored, some_digits, tmp_path):
    table, _ = scored
    alone = [
        curate.score(
            some_digits,
            TRAINED,
            models=1,
            epochs=2,
            seed=seed,
            output=tmp_path / f"{seed}",
            side_by_side=False,
            hyperparameters=FP32,
        )
        for seed in (5, 6)
    ]
    for name in ranks(table):
        both = np.stack([one[name] for one in alone])
        if name == "forgetting":
            assert np.abs(table[name] - both.sum(0)).max() <= 1
            assert f"{name}_std" not in table.columns
        else:
            assert np.allclose(table[name], both.mean(0), rtol=0.02, atol=0.02), name
            assert np.allclose(table[f"{name}_std"], both.std(0, ddof=1), rtol=0.05, atol=0.02), name


def test_one_by_one_is_each_on_its_own_to_the_bit(some_digits, tmp_path):
    options = {"methods": ["el2n", "aum"], "epochs": 1}
    both = curate.score(
        some_digits, options["methods"], models=2, epochs=1, side_by_side=False, output=tmp_path / "both"
    )
    alone = [
        curate.score(some_digits, options["methods"], models=1, epochs=1, seed=s, output=tmp_path / f"{s}")
        for s in (0, 1)
    ]
    for name in ("el2n", "aum"):
        assert (both[name] == np.stack([one[name] for one in alone]).mean(0)).all()


def test_a_score_of_an_early_epoch_is_of_the_recipe_of_the_whole_run(some_digits, tmp_path):
    """The learning rate after two epochs is that of a long run after two epochs."""
    own = finder.load("models", "basic-cnn").hyperparameters.n_epochs
    seen = []

    def remember(learners, data, *, hyperparameters, n_epochs, **rest):
        seen.append((hyperparameters.n_epochs, n_epochs))
        return ensemble.fit_all(learners, data, hyperparameters=hyperparameters, n_epochs=n_epochs, **rest)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(score_from_training, "fit_all", remember)
        curate.score(some_digits, "el2n", models=1, epochs=1, output=tmp_path / "a")
    assert seen == [(own, 1)]


def test_a_number_that_is_none_is_named_and_nothing_is_written(some_digits, tmp_path):
    recipe = {"lr": 1e30, "optimizer": "sgd", "schedule": "constant", "batch_size": 50}
    for side_by_side in (True, False):
        with pytest.raises(CurateError, match=r"in epoch \d.*, first that of sample \d+: use a smaller --lr"):
            curate.score(
                some_digits,
                "aum",
                models=2,
                hyperparameters=recipe,
                side_by_side=side_by_side,
                output=tmp_path / "x",
            )
    assert list(tmp_path.iterdir()) == []
