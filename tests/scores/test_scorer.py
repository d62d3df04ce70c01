"""What every scorer keeps to, whatever it reads."""

from typing import ClassVar

import numpy as np
import pytest
import torch
from helpers.scored_digits import LOOKING, SCORERS, TRACED, TRAINED
from helpers.tables import seen_of, traced

from curate import finder
from curate.networks import learner as learners
from curate.training.batches import Batches

pytest_plugins = ["helpers.scored_digits"]


@pytest.mark.parametrize("name", SCORERS)
class TestEveryScorer:
    METHODS: ClassVar = {
        "trace": "from_trace",
        "network": "of_batch",
        "clusters": "from_clusters",
        "embedding": "from_embedding",
    }

    def test_says_which_side_is_hard_and_what_it_reads(self, name):
        scorer = finder.make("scorers", name)
        assert scorer.hard_is in ("high", "low")
        assert scorer.reads
        assert set(scorer.reads) == {source for source, has in self.METHODS.items() if hasattr(scorer, has)}

    def test_says_what_it_wants_of_training(self, name):
        scorer = finder.make("scorers", name)
        if name in TRAINED:
            assert scorer.over_models in ("mean", "sum")
            assert scorer.n_models >= 1
            assert 0 < scorer.schedule_share <= 1

    def test_is_named_in_the_help(self, name, cli):
        assert name in cli("score", "--help").out


@pytest.mark.parametrize("name", TRACED)
def test_a_sample_never_seen_is_not_scored(name, tmp_path):
    zeros = np.zeros(2, np.float32)
    seen = seen_of(2, zeros, zeros, zeros, zeros > 0)
    scores = finder.make("scorers", name).from_trace(traced(tmp_path, 3, [[seen]]))
    assert scores.shape == (1, 3)
    assert np.isnan(scores[0]).tolist() == [False, False, True]


@pytest.mark.parametrize("name", LOOKING)
def test_a_look_does_not_depend_on_the_rest_of_a_batch(name, some_digits):
    learner = learners.build("basic-cnn", {}, some_digits, 0, torch.device("cpu"))
    learner.module.eval()
    scorer = finder.make("scorers", name)
    _, images, labels = next(Batches(some_digits, learner).plain(np.arange(40), 40))
    with torch.no_grad():
        together = scorer.of_batch(learner, images, labels)
        alone = torch.cat([scorer.of_batch(learner, images[i : i + 1], labels[i : i + 1]) for i in range(40)])
    assert together.shape == (40,)
    assert torch.allclose(together, alone, rtol=1e-4, atol=1e-5)
