"""score, given wrong input."""

import numpy as np
import pytest

import curate
from curate.errors import CurateError

pytest_plugins = ["helpers.scored_digits"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["digits", "--method", "el3n"], "there is no scorer called 'el3n': did you mean el2n"),
        (["digits", "--models", "0"], "models=0 is too few: use 1 or more"),
        (["digits", "--epochs", "0"], "epochs=0 is too few"),
        (["digits", "--method", ","], "name a method: use one of aum"),
        (
            ["digits", "--method", "el2n,forgetting"],
            "different numbers of models (el2n 10, forgetting 1): say --models",
        ),
        (["digits", "--method", "el2n,duplicate"], "are not made from the same thing: score them one by one"),
        (["digits", "--method", "grand", "--set", "layers=first"], "layers=first does not fit scorer grand"),
        (["digits", "--method", "el2n", "--set", "withd=3"], "has an option 'withd': did you mean width?"),
        (
            ["digits", "--method", "prototypicality"],
            "from a table of clusters (`curate cluster`) or an embedding (`curate embed`), and digits is",
        ),
        (
            ["digits", "--method", "duplicate"],
            "is made from an embedding (`curate embed`), and digits is none",
        ),
        (
            ["{table}", "--method", "prototypicality", "--models", "3"],
            "prototypicality trains nothing: leave out --models",
        ),
        (["{table}", "--method", "el2n"], "holds clusters of curate's and is no dataset"),
        (
            ["{embedding}", "--method", "duplicate", "--set", "max_cosine_distance=1"],
            "max_cosine_distance=1.0 is out of",
        ),
        (["--method", "aum"], "there is nothing to score: name a dataset, or an earlier --trace"),
        (["--trace", "none.parquet", "--method", "aum"], "there is no trace none.parquet"),
        (["--trace", "{trace}", "--method", "grand"], "grand cannot be made from a trace: leave out --trace"),
        (
            ["digits", "--trace", "{trace}", "--method", "el2n"],
            "from a trace is rougher than by training: leave out",
        ),
        (["--trace", "{trace}", "--method", "aum", "--lr", "0.1"], "trains nothing: leave out --lr"),
        (["--trace", "{trace}", "--method", "aum", "--model", "lenet5"], "trains nothing: leave out --model"),
        (["--trace", "{trace}", "--method", "aum", "--fresh"], "trains nothing: leave out --fresh"),
        (["--trace", "{trace}", "--method", "aum", "--seed", "0"], "trains nothing: leave out --seed"),
        (
            ["{embedding}", "--method", "duplicate", "--seed", "1"],
            "trains nothing: leave out --seed",
        ),
        (["--trace", "{trace}", "--method", "aum", "--set", "width=3"], "scorer aum has no option 'width'"),
        (
            ["{table}", "--method", "prototypicality", "--one-by-one"],
            "trains nothing: leave out --side-by-side",
        ),
        (
            ["{table}", "--method", "prototypicality", "--batch-size", "3"],
            "trains nothing: leave out --batch-size",
        ),
        (["digits", "--method", "aum", "-o", "x", "--trace", "x"], "x cannot hold both scores and trace"),
        (["digits", "--method", "aum", "-o", "{folder}"], "is a folder: name a file"),
        (["digits", "--method", "aum", "--trace", "{folder}", "--force"], "is a folder: name a file"),
        (["--method", "prototypicality"], "and nothing is none: make one first"),
        (["--trace", "{trace}", "--method", "aum", "--epochs", "9"], "epochs=9 is beyond the trace"),
        (["digits", "--method", "aum", "--lr", "0"], "lr=0.0 is out of range"),
        (["digits", "--device", "tpu"], "device=tpu is unknown"),
    ],
)
def test_wrong_input_is_answered_in_one_line(words, message, cli, digits_round, scored, here):
    names = {"table": digits_round.table, "embedding": digits_round.embedding, "trace": scored[1]}
    names["folder"] = digits_round.folder
    result = cli("score", *(word.format(**names) for word in words))
    assert result.code == 2
    assert message in result.err
    assert result.err.count("\n") <= 2
    assert list(here.iterdir()) == []


def test_what_is_there_is_not_replaced(scored, some_digits, tmp_path):
    (tmp_path / "s.parquet").write_text("mine")
    with pytest.raises(CurateError, match="exists: use --force"):
        curate.score(some_digits, "el2n", models=1, epochs=1, output=tmp_path / "s.parquet")
    with pytest.raises(CurateError, match="exists: use --force"):
        curate.score(trace=scored[1], method="aum", output=tmp_path / "s.parquet", source=some_digits)
    assert (tmp_path / "s.parquet").read_text() == "mine"


def test_one_class_only_is_refused(tmp_path):
    one = curate.open_dataset("digits")
    one = one.take(np.flatnonzero(one.labels == 3))
    with pytest.raises(CurateError, match="has one class only"):
        curate.score(one, "el2n", output=tmp_path / "x")
