"""Scores from elsewhere: by index, row, uid or file name, checked, and used as any other."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import curate
from curate.artifacts.header import cost_of
from curate.errors import CurateError


@pytest.fixture(scope="module")
def digits():
    return curate.open_dataset("digits")


@pytest.fixture
def values(digits):
    return np.random.default_rng(0).normal(size=len(digits))


def test_an_array_is_by_row_of_the_source_as_published_files_are(digits, here):
    """1,797 digits of which 1,443 are the train split: a published file has one number for every sample."""
    whole = np.arange(1797) * 0.5
    np.save("el2n.npy", whole)
    made = curate.score("digits", from_="el2n.npy", hard_is="high")
    assert made.path.name == "digits-el2n.parquet"
    assert (made["el2n"] == whole[digits.rows]).all()
    assert made.header.options["by"] == "row"
    assert made.header.columns["el2n"].hard_is == "high"
    assert curate.open_table(made.path).header == made.header


def test_they_are_selected_compared_and_replayed_and_what_they_cost_is_not_known(digits, values, here):
    made = curate.score(digits, from_=values, by="index", hard_is="low")
    manifest = curate.select(made, keep=10)
    assert manifest.selected(0).indices.tolist() == sorted(np.argsort(values)[:10])
    assert cost_of(manifest.header.steps)[0] is None
    result = curate.replay(manifest, trials=1, hyperparameters={"n_epochs": 1}, options={"width": 1})
    assert result.scoring_seconds is None
    other = curate.score(digits, from_=-values, by="index", hard_is="low", output="other.parquet")
    assert curate.compare(made.path, other.path) is not None


@pytest.mark.parametrize("form", ["csv", "parquet"])
@pytest.mark.parametrize("by", ["index", "row", "uid", "hexadecimal"])
def test_columns_of_a_file_in_any_order(digits, values, here, form, by):
    order = np.random.default_rng(1).permutation(len(digits))
    keys = {"index": np.arange(len(digits)), "row": digits.rows, "uid": digits.uids}
    keys["hexadecimal"] = np.array([f"{uid:016x}" for uid in digits.uids])
    named = "uid" if by == "hexadecimal" else by
    frame = pl.DataFrame({named: keys[by][order], "My Score": values[order], "other": -values[order]})
    frame.write_csv("s.csv") if form == "csv" else frame.write_parquet("s.parquet")
    made = curate.score(digits, from_=f"s.{form}", hard_is="high", output="out.parquet")
    np.testing.assert_allclose(made["my_score"], values, rtol=1e-12)
    assert made.ranking_columns == ["my_score", "other"]
    assert made.header.options["by"] == named


def test_a_file_name_per_line(here):
    chance = np.random.default_rng(0)
    for number in range(12):
        folder = here / "photos" / "train" / f"class-{number % 2}"
        folder.mkdir(parents=True, exist_ok=True)
        pixels = chance.integers(0, 256, (8, 8, 3), np.uint8)
        Image.fromarray(pixels).save(folder / f"image_{number}.png")
    lines = [f"some/place/image_{number}.png,{number}" for number in reversed(range(12))]
    (here / "metric.csv").write_text("\n".join(["path,score", *lines]) + "\n")
    data = curate.open_dataset("photos")
    made = curate.score(data, from_="metric.csv", hard_is="high")
    assert [f"image_{int(value)}.png" for value in made["score"]] == [
        data.name(index).rpartition("/")[2] for index in range(12)
    ]


@settings(max_examples=25, deadline=None)
@given(st.permutations(range(30)), st.integers(0, 5))
def test_whatever_the_order_and_however_many_more_each_sample_has_its_own(tmp_path_factory, order, more):
    few = curate.open_dataset("digits").take(np.arange(30))
    keys = np.concatenate([np.array(order), 1000 + np.arange(more)])
    path = tmp_path_factory.mktemp("s") / "s.parquet"
    made = curate.score(few, from_={"index": keys, "v": keys * 2.0}, hard_is="low", output=path)
    assert made["v"].tolist() == [2.0 * index for index in range(30)]


@pytest.mark.parametrize(
    ("given_", "how", "said"),
    [
        (
            np.ones(3),
            {},
            r"what was given has 3 scores, by row, and none for 1,44\d of 1,443 samples of digits",
        ),
        (np.ones((3, 2)), {}, r"the scores have shape \[3, 2\]: give one number for each sample"),
        (np.full(1797, np.nan), {}, r"score of sample 0 is nan \(1,443 such\): give a number for each"),
        (np.ones(1797, complex), {}, "score is of type complex128: scores are plain numbers"),
        (np.ones(1797), {"hard_is": "both"}, "hard-is=both is unknown: say whether high or low is hard"),
        (np.ones(1797), {"by": "place"}, "by=place is unknown"),
        ({"index": [0, 1], "s": [1.0]}, {}, "the columns are of different lengths"),
        ({"index": [0.5, 1.0], "s": [1.0, 2.0]}, {}, "index is of type float64: it has to be whole numbers"),
        ({"index": [0, 0], "s": [1.0, 2.0]}, {}, "index 0 stands there 2 times: give each once"),
        ({"uid": ["x"], "s": [1.0]}, {}, "uid holds what is none: write numbers, or 16 hexadecimal digits"),
        ({"index": [1, 2]}, {}, "there is no column of numbers beside index: give a score"),
        ({"a": [1.0], "s": [1.0]}, {"by": "uid"}, "there is no column 'uid'"),
        ("nowhere.csv", {}, "there is no file nowhere.csv"),
        ("s.txt", {}, r"s.txt is no file of scores: use .npy, .csv, .parquet"),
        ("broken.npy", {}, "broken.npy is not a readable file of scores"),
        ("broken.parquet", {}, "broken.parquet is not a readable file of scores"),
        ("objects.npy", {}, "objects.npy is not a readable file of scores"),
    ],
)
def test_what_does_not_fit_is_said(here, given_, how, said):
    for name in ("broken.npy", "broken.parquet"):
        (here / name).write_bytes(b"not what it says")
    np.save("objects.npy", np.array([{}], object), allow_pickle=True)
    with pytest.raises(CurateError, match=said):
        curate.score("digits", from_=given_, **{"hard_is": "high", **how})
    assert not list(here.glob("digits*"))


def test_the_command_says_what_it_lacks_and_what_does_not_go_with_it(cli, here):
    np.save("s.npy", np.arange(1797.0))
    assert (
        "1,443 samples have scores: s (high is hard)"
        in cli("score", "digits", "--from", "s.npy", "--hard-is", "high").err
    )
    for words, said in (
        (["digits", "--from", "s.npy"], "scores from elsewhere need hard-is"),
        (["digits", "--hard-is", "low"], "scores from elsewhere need from"),
        (["--from", "s.npy", "--hard-is", "low"], "scores from elsewhere need a dataset"),
        (["digits", "--from", "s.npy", "--hard-is", "low", "--models", "2"], "models"),
        (["digits", "--from", "s.npy", "--hard-is", "low", "--lr", "2"], "lr"),
    ):
        result = cli("score", *words)
        assert result.code == 2
        assert said in result.err
