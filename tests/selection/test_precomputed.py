"""What policies build on: scores and always groups, carried over by uid, and how they are read."""

import numpy as np
import pytest
from helpers.policy_examples import (
    LOSSES,
    NAN,
    SCORES,
    UIDS,
    ask,
    make,
    session_folder,
)
from helpers.tables import clusters_table

from curate.errors import CurateError, MismatchError
from curate.selection.precomputed import always_group, hardness

pytest_plugins = ["helpers.policy_examples"]


def test_scores_are_carried_over_by_uid(scores):
    # UIDS in another order: uids 10, 20 and 60 have the scores 0.1, 0.7 and 0.9
    result = hardness(str(scores), "", np.array([10, 20, 60], np.uint64))
    np.testing.assert_allclose(result, [0.0, 0.75, 1.0], atol=1e-6)


@pytest.mark.parametrize("name", ["static-epsilon", "static-ucb"])
class TestStaticPolicies:
    def test_scores_of_another_dataset_are_refused(self, name, scores):
        text = (
            "scores.parquet has no score for 2 of the 6 samples to train on: it is of another dataset; make "
            "scores of this one"
        )
        with pytest.raises(MismatchError, match=text):
            next(ask(make(name, scores=str(scores)), LOSSES, uids=[60, 10, 50, 20, 41, 31]))

    def test_scores_are_needed(self, name):
        with pytest.raises(CurateError, match=r"this policy needs scores: use --from TABLE\.parquet"):
            next(ask(make(name), LOSSES))

    def test_a_column_that_is_not_there_names_the_nearest(self, name, scores):
        with pytest.raises(CurateError, match=r"has no column 'distanse': did you mean distance\?"):
            next(ask(make(name, scores=str(scores), column="distanse"), LOSSES))

    def test_a_column_that_does_not_rank_is_refused(self, name, scores):
        with pytest.raises(CurateError, match="column 'cluster' does not rank: use one of distance"):
            next(ask(make(name, scores=str(scores), column="cluster"), LOSSES))

    def test_a_score_that_is_not_a_number_is_refused(self, name, tmp_path):
        """Else nothing is the hardest, and fewer than k are kept."""
        path = tmp_path / "holes.parquet"
        clusters_table(path, [0] * 6, [*SCORES[:5], NAN], uid=UIDS, seal=True)
        with pytest.raises(CurateError):
            next(ask(make(name, scores=str(path)), LOSSES))


def test_equal_images_are_told_apart_by_occurrence_in_the_always_group(tmp_path):
    """Samples 0 and 1 are equal images; the second of them is always selected."""
    group = ["never", "always", "never"]
    folder = session_folder(tmp_path / "twins", [[1], [1, 2]], uids=[7, 7, 9], group=group)
    assert always_group(str(folder), np.array([7, 7, 9], np.uint64)).tolist() == [False, True, False]
