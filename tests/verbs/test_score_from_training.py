"""Scores by training: means and sums over models, the recipe of the whole run, and numbers that are none."""

import numpy as np
import pytest
import torch
from helpers.scored_digits import FP32, TRAINED, ranks

import curate
from curate import finder
from curate.errors import CurateError
from curate.networks.learner import build, weights_sha256
from curate.rng import stream_seed
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


@pytest.mark.parametrize("side_by_side", [True, False])
def test_no_model_shares_start_or_order_with_a_trial_of_replay(
    side_by_side, some_digits, tmp_path, monkeypatch
):
    """A trial of seed s starts and orders by s; the scores of seed s by a stream of their own."""
    started, ordered = [], []

    def remember(learners, data, *, seeds, **rest):
        started.extend(weights_sha256(one) for one in learners)
        ordered.extend(seeds)
        return ensemble.fit_all(learners, data, seeds=seeds, **rest)

    monkeypatch.setattr(score_from_training, "fit_all", remember)
    for seed in (0, 2):
        curate.score(
            some_digits, "aum", models=3, epochs=1, seed=seed, side_by_side=side_by_side,
            options={"width": 1}, output=tmp_path / str(seed),
        )  # fmt: skip
    cpu = torch.device("cpu")
    trials = {weights_sha256(build("basic-cnn", {"width": 1}, some_digits, seed, cpu)) for seed in range(12)}
    assert trials.isdisjoint(started)
    assert set(range(12)).isdisjoint(ordered)
    assert ordered == [stream_seed(seed, "score") for seed in (0, 1, 2, 2, 3, 4)]
    assert started[2] == started[3]  # the same model, wherever it stands
    assert len(set(started)) == 5


def test_an_early_score_is_as_of_a_tenth_of_the_schedule_that_goes_on(some_digits, tmp_path):
    """Named outright, the epoch gives the same scores; cut short to it, the schedule gives others."""
    shared = {"models": 1, "options": {"width": 2}, "seed": 1}
    own = curate.score(
        some_digits, "el2n", output=tmp_path / "own", hyperparameters={"n_epochs": 20}, **shared
    )
    named = curate.score(
        some_digits, "el2n", epochs=2, output=tmp_path / "named", hyperparameters={"n_epochs": 20}, **shared
    )
    short = curate.score(
        some_digits, "el2n", epochs=2, output=tmp_path / "short", hyperparameters={"n_epochs": 2}, **shared
    )
    assert own.header.options["n_epochs"] == 2
    assert own.header.options["recipe"]["n_epochs"] == 20
    assert (own["el2n"] == named["el2n"]).all()
    assert (own["el2n"] != short["el2n"]).any()


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
