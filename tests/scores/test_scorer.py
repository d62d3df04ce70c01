"""Every scorer alike, and each against a naive reckoning of its own."""

from itertools import pairwise
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
import torch
from helpers.scored_digits import LOOKING, SCORERS, TRACED, TRAINED
from helpers.tables import seen_of, traced
from hypothesis import given, settings
from hypothesis import strategies as st

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
            assert scorer.n_epochs is None or scorer.n_epochs >= 1

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
    images, labels = next(Batches(some_digits, learner).plain(np.arange(40), 40))
    with torch.no_grad():
        together = scorer.of_batch(learner, images, labels)
        alone = torch.cat([scorer.of_batch(learner, images[i : i + 1], labels[i : i + 1]) for i in range(40)])
    assert together.shape == (40,)
    assert torch.allclose(together, alone, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("model", ["basic-cnn", "lenet5"])
def test_grand_is_the_length_of_autograds_own_gradient(model, some_digits):
    learner = learners.build(model, {}, some_digits, 0, torch.device("cpu"))
    learner.module.eval()
    images, labels = next(Batches(some_digits, learner).plain(np.arange(6), 6))
    expected, of_last = [], []
    last = [part for part in learner.module.modules() if isinstance(part, torch.nn.Linear)][-1]
    for image, label in zip(images, labels, strict=True):
        learner.module.zero_grad()
        torch.nn.functional.cross_entropy(learner.logits(image[None]), label[None]).backward()
        gradients = [parameter.grad for parameter in learner.module.parameters()]
        expected.append(torch.cat([gradient.flatten() for gradient in gradients]).norm())
        of_last.append(torch.cat([last.weight.grad.flatten(), last.bias.grad]).norm())
    for layers, values in (("all", expected), ("last", of_last)):
        found = finder.make("scorers", "grand", {"layers": layers}).of_batch(learner, images, labels)
        assert torch.allclose(found, torch.stack(values), rtol=1e-4)


def naive_forgetting(history):
    """One sample: whether it was right at each presentation."""
    if not any(history):
        return len(history)
    return sum(before and not now for before, now in pairwise(history))


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.lists(st.sampled_from([None, True, False]), min_size=4, max_size=4), min_size=1, max_size=6)
)
def test_forgetting_is_what_counting_by_hand_gives(histories):
    """None is an epoch in which the sample was not presented."""
    import tempfile

    from curate.scores.trace import Seen

    epochs = []
    for column in zip(*histories, strict=True):
        index = np.array([i for i, state in enumerate(column) if state is not None], np.int64)
        blank = np.zeros(len(index), np.float32)
        epochs.append(Seen(index, blank, blank, blank, np.array([column[i] for i in index], np.bool_)))
    with tempfile.TemporaryDirectory() as folder:
        scores = finder.make("scorers", "forgetting").from_trace(
            traced(Path(folder), len(histories), [epochs])
        )
    for history, score in zip(histories, scores[0], strict=True):
        presented = [state for state in history if state is not None]
        assert np.isnan(score) if not presented else score == naive_forgetting(presented)
