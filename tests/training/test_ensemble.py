"""Models in step: the same as each alone, up to rounding."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import curate
from curate.errors import CurateError
from curate.networks import learner as learners
from curate.networks.model import Hyperparameters
from curate.training import ensemble
from curate.training.batches import Batches
from curate.verbs import score_from_training
from curate.verbs.score_over_ranks import Sharing

pytest_plugins = ["helpers.scored_digits"]


@pytest.mark.parametrize("model", ["basic-cnn", "lenet5"])
def test_side_by_side_are_the_same_models_up_to_rounding(model, some_digits):
    recipe = Hyperparameters(2, 64, "sgd", 0.02, 0.9, 5e-4, "cosine", "crop-flip")
    result = {}
    for side_by_side in (False, True):
        models = [learners.build(model, {}, some_digits, seed, torch.device("cpu")) for seed in range(3)]
        data = Batches(some_digits, models[0])
        rounds = ensemble.fit_all(
            models,
            data,
            hyperparameters=recipe,
            seeds=range(3),
            n_epochs=2,
            side_by_side=side_by_side,
            trace=True,
        )
        result[side_by_side] = (list(rounds), models)
    for (one, other), (mine, theirs) in zip(
        zip(result[False][0], result[True][0], strict=True),
        zip(result[False][1], result[True][1], strict=False),
        strict=False,
    ):
        assert one.samples_seen == other.samples_seen
        assert one.loss == pytest.approx(other.loss, rel=1e-3)
        for first, second in zip(one.seen, other.seen, strict=True):
            assert np.allclose(first.margin, second.margin, rtol=1e-2, atol=1e-2)
        for name, value in mine.module.state_dict().items():
            assert torch.allclose(
                value.float(), theirs.module.state_dict()[name].float(), rtol=1e-2, atol=2e-3
            )


def test_side_by_side_has_an_order_and_a_start_of_its_own_for_each(scored):
    table, trace = scored
    first = next(iter(curate.open_trace(trace).epochs()))
    both = first.loss.reshape(2, len(table))
    assert (both[0] != both[1]).mean() > 0.9


def test_dropout_is_not_trained_side_by_side(some_digits):
    learner = learners.build("basic-cnn", {}, some_digits, 0, torch.device("cpu"))
    assert ensemble.fits_side_by_side(learner)
    assert not ensemble.pays_side_by_side(learner)  # on a CPU
    with_dropout = torch.nn.Sequential(learner.module, torch.nn.Dropout())
    assert not ensemble.fits_side_by_side(replace(learner, module=with_dropout))
    training = score_from_training.Training(
        "basic-cnn", {}, Hyperparameters(), {}, 2, 1, side_by_side=True, device=None, trace=None
    )
    alone = Sharing(Path("s.parquet"), 2)
    with pytest.raises(
        CurateError,
        match="basic-cnn draws as it trains, or may, and is not trained side by side: use --one-by-one",
    ):
        score_from_training._side_by_side(training, alone, replace(learner, module=with_dropout))
