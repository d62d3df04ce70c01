"""forgetting, against counting by hand."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from helpers.tables import traced
from hypothesis import given, settings
from hypothesis import strategies as st

from curate import finder
from curate.errors import CurateError


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
    """None is an epoch in which the sample was not presented; unequal presentations are refused."""
    import tempfile

    from curate.scores.trace import Seen

    epochs = []
    for column in zip(*histories, strict=True):
        index = np.array([i for i, state in enumerate(column) if state is not None], np.int64)
        blank = np.zeros(len(index), np.float32)
        epochs.append(Seen(index, blank, blank, blank, np.array([column[i] for i in index], np.bool_)))
    with tempfile.TemporaryDirectory() as folder:
        trace, scorer = traced(Path(folder), len(histories), [epochs]), finder.make("scorers", "forgetting")
        numbers = {sum(state is not None for state in history) for history in histories}
        if len(numbers) > 1 and 0 not in numbers:
            with pytest.raises(CurateError, match=f"presents samples {min(numbers)} to {max(numbers)} times"):
                scorer.from_trace(trace)
            return
        scores = scorer.from_trace(trace)
    for history, score in zip(histories, scores[0], strict=True):
        presented = [state for state in history if state is not None]
        assert np.isnan(score) if not presented else score == naive_forgetting(presented)
