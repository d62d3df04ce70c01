"""How scores are written: means and sums over models by hand, what ranks, and numbers that are none."""

import numpy as np
import pytest

import curate
from curate import finder
from curate.artifacts.header import DatasetReference, RankingColumn, make_header
from curate.errors import CurateError
from curate.verbs.score_table import method_options, samples_of, write_scores

SAMPLES = {"index": np.arange(3), "uid": np.array([9, 8, 7], np.uint64)}


def written(path, n_epochs=6, **scores):
    """A table of scores `[models, 3]` by method."""
    dataset = DatasetReference("hand", "all", 3, [], "0" * 64)
    options = {"n_models": len(next(iter(scores.values()))), "n_epochs": n_epochs}
    header = make_header("scores", "score", options, seed=0, dataset=dataset)
    methods = {name: finder.make("scorers", name) for name in scores}
    arrays = {name: np.array(values, np.float64) for name, values in scores.items()}
    return curate.open_table(write_scores(path, methods, arrays, SAMPLES, header, force=False).path)


def test_over_models_scores_are_the_mean_with_its_spread_or_the_sum(tmp_path):
    models = [[1, 2, 3], [3, 2, 3], [8, 2, 0]]
    table = written(tmp_path / "s", aum=models, forgetting=models)
    assert list(table.columns) == ["index", "uid", "aum", "aum_std", "forgetting"]
    assert table["uid"].tolist() == [9, 8, 7]
    assert table["aum"].tolist() == [4, 2, 2]
    np.testing.assert_allclose(table["aum_std"], [13**0.5, 0, 3**0.5])  # (9 + 1 + 16) / 2, 0, (1 + 1 + 4) / 2
    assert table["forgetting"].tolist() == [12, 6, 6]


def test_one_model_has_no_spread(tmp_path):
    table = written(tmp_path / "s", el2n=[[0.5, 0, 1]])
    assert list(table.columns) == ["index", "uid", "el2n"]
    assert table["el2n"].tolist() == [0.5, 0, 1]


def test_what_ranks_says_which_side_is_hard_and_from_where_nothing_was_learned(tmp_path):
    """Forgetting counts over the runs of three models as over one of 18 epochs."""
    models = [[1, 2, 3]] * 3
    table = written(tmp_path / "s", aum=models, forgetting=models, entropy=models)
    assert table.header.columns == {
        "aum": RankingColumn("low", unlearned_beyond=0.0),
        "forgetting": RankingColumn("high", unlearned_beyond=18 / 2),
        "entropy": RankingColumn("high"),
    }


@pytest.mark.parametrize("number", ["nan", "inf", "-inf"])
def test_the_first_score_that_is_not_finite_is_named_and_nothing_is_written(tmp_path, number):
    wrong = float(number)
    message = (
        rf"aum of sample 2 by model 1 is {number} \(2 such\): it was never seen in training, or the model"
    )
    with pytest.raises(CurateError, match=message):
        written(tmp_path / "s", el2n=[[0, 0, 0]] * 3, aum=[[1, 2, 3], [1, 2, wrong], [wrong, 2, 3]])
    assert list(tmp_path.iterdir()) == []


def test_a_header_has_the_options_of_those_methods_that_have_any():
    methods = {name: finder.make("scorers", name) for name in ("aum", "grand")}
    methods["duplicate"] = finder.make("scorers", "duplicate", {"max_cosine_distance": "0.25"})
    result = method_options(methods)
    assert result["method"] == "aum,grand,duplicate"
    assert set(result["method_options"]) == {"grand", "duplicate"}
    options = {"max_cosine_distance": 0.25, "rule": "chains", "k": 0, "seed": 0, "within": "auto"}
    assert result["method_options"]["duplicate"] == options


def test_the_samples_of_a_table_have_labels_where_there_are_any():
    data = curate.open_dataset("digits").take(np.array([4, 2]))
    columns = samples_of(data)
    assert list(columns) == ["index", "row", "uid", "label"]
    assert columns["index"].tolist() == [0, 1]
    assert columns["row"].tolist() == [5, 3]
    assert (columns["uid"] == data.uids).all()
    assert (columns["label"] == data.labels).all()
