"""Models shared out over ranks: the scores and the trace of one process, and runs that go on."""

import os

import numpy as np
import polars as pl
import pytest
from helpers.ranks import codes, done, errors, together

from curate.artifacts.tables import open_table
from curate.progress import LOGGED
from curate.training.unfinished import unfinished
from curate.verbs.score_over_ranks import Sharing

pytest_plugins = ["helpers.forks"]
ROUNDING = 1e-4  # of a loss, after some epochs
WORDS = ["score", "digits", "--models", 3, "--epochs", 2, "--set", "width=2", "--one-by-one"]


@pytest.mark.parametrize("size", [2, 3])
def test_scores_and_trace_are_those_of_one_process(forks, tmp_path, size):
    methods = ["--method", "el2n,forgetting", "--trace", "t.parquet", "-o", "s.parquet"]
    for name in ("one", "several"):
        (tmp_path / name).mkdir()
    done(together(forks, size, [*WORDS, *methods], tmp_path / "several"))
    ran = forks.run([*WORDS, *methods], tmp_path / "one", {**os.environ, "OMP_NUM_THREADS": "1"})
    assert ran.returncode == 0, ran.stderr
    for name in ("s.parquet", "t.parquet"):
        assert pl.read_parquet(tmp_path / "one" / name).equals(pl.read_parquet(tmp_path / "several" / name))
    headers = [open_table(tmp_path / name / "s.parquet").header for name in ("one", "several")]
    assert [header.world_size for header in headers] == [1, size]
    assert headers[0].cost.samples_seen == headers[1].cost.samples_seen == 3 * 2 * 1443
    assert os.listdir(tmp_path / "several") == os.listdir(tmp_path / "one")


def test_a_killed_run_goes_on_with_as_many_ranks_and_no_others(forks, tmp_path):
    kill = """
import os
from curate import world
from curate.verbs import score_from_training as verb
real = verb.fit_all
def killed(*given, **how):
    for done in real(*given, **how):
        yield done
        if world.here().rank == 1 and done.epoch == 0:
            os.kill(os.getpid(), 9)
verb.fit_all = killed
"""
    ranks = together(forks, 2, [*WORDS, "-o", "s.parquet"], tmp_path, before=kill)
    assert codes(ranks) == [2, -9]
    assert "another rank has ended" in errors(ranks)[0]
    left = sorted(path.name for path in tmp_path.iterdir())
    assert left == [f"s.parquet.rank-{rank}-of-2.unfinished" for rank in range(2)]
    others = together(forks, 3, [*WORDS, "-o", "s.parquet"], tmp_path)
    assert codes(others) == [2, 2, 2]
    (line,) = errors(others)
    assert "was begun by 2 of torchrun's ranks, and now there is 3" in line
    again = together(forks, 2, [*WORDS, "-o", "s.parquet"], tmp_path)
    done(again)
    assert "going on after epoch 2 of 2" in again[0].err.read_text()
    alone = forks.run([*WORDS, "-o", "one.parquet"], tmp_path, {**os.environ, "OMP_NUM_THREADS": "1"})
    assert alone.returncode == 0, alone.stderr
    assert pl.read_parquet(tmp_path / "s.parquet").equals(pl.read_parquet(tmp_path / "one.parquet"))
    (tmp_path / "s.parquet.rank-1-of-2.unfinished").mkdir()  # as if killed before it had cleared up
    done(together(forks, 2, [*WORDS, "-o", "s.parquet"], tmp_path))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one.parquet", "s.parquet"]


@pytest.mark.parametrize("size", [2, pytest.param(3, marks=pytest.mark.slow)])
def test_of_fewer_models_than_ranks_each_is_trained_by_all(forks, tmp_path, size):
    """With seeds of which no two maxima of a pool are so near that rounding decides between them."""
    words = ["score", "digits", "--models", size - 1, "--epochs", 3, "--set", "width=2", "--one-by-one"]
    words += ["--seed", 1]
    words += ["--method", "el2n,forgetting", "--trace", "t.parquet", "-o", "s.parquet"]
    for name in ("one", "several"):
        (tmp_path / name).mkdir()
    ranks = together(forks, size, words, tmp_path / "several")
    done(ranks)
    ran = forks.run(words, tmp_path / "one", {**os.environ, "OMP_NUM_THREADS": "1"})
    assert ran.returncode == 0, ran.stderr
    scores = [pl.read_parquet(tmp_path / name / "s.parquet") for name in ("one", "several")]
    assert (scores[0]["el2n"] - scores[1]["el2n"]).abs().max() < ROUNDING
    assert scores[0]["forgetting"].equals(scores[1]["forgetting"])
    traces = [pl.read_parquet(tmp_path / name / "t.parquet") for name in ("one", "several")]
    keys = ["epoch", "model", "index"]
    assert traces[0][keys].equals(traces[1][keys])
    losses = [trace["loss"].to_numpy().astype(np.float64) for trace in traces]
    assert np.allclose(*losses, rtol=2**-10, atol=ROUNDING)  # float16, which may round to the next
    headers = [open_table(tmp_path / name / "s.parquet").header for name in ("one", "several")]
    assert headers[0].cost.samples_seen == headers[1].cost.samples_seen == (size - 1) * 3 * 1443
    assert os.listdir(tmp_path / "several") == os.listdir(tmp_path / "one")


def test_of_fewer_models_than_ranks_a_killed_run_goes_on_with_any_number(forks, tmp_path):
    kill = """
import os
from curate import world
from curate.verbs import score_from_training as verb
real = verb._pass
def killed(*given, **how):
    if world.here().rank == 1:
        os.kill(os.getpid(), 9)
    return real(*given, **how)
verb._pass = killed
"""
    words = ["score", "digits", "--models", 1, "--epochs", 2, "--set", "width=2", "-o", "s.parquet"]
    ranks = together(forks, 2, words, tmp_path, before=kill)
    assert codes(ranks) == [2, -9]
    assert [path.name for path in tmp_path.iterdir()] == ["s.parquet.unfinished"]
    again = together(forks, 3, words, tmp_path)
    done(again)
    said = again[0].err.read_text()
    assert "going on after epoch 2 of 2 with a world size of 3, not 2 as before: equal up to rounding" in said
    (tmp_path / "s.parquet.unfinished").mkdir()  # as if killed before it had cleared up
    done(together(forks, 2, words, tmp_path))
    alone = forks.run([*words[:-1], "one.parquet"], tmp_path, {**os.environ, "OMP_NUM_THREADS": "1"})
    assert alone.returncode == 0, alone.stderr
    scores = [pl.read_parquet(tmp_path / name)["el2n"] for name in ("s.parquet", "one.parquet")]
    assert (scores[0] - scores[1]).abs().max() < ROUNDING
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one.parquet", "s.parquet"]


def test_models_that_all_ranks_train_are_not_trained_side_by_side(forks, tmp_path):
    ranks = together(forks, 2, ["score", "digits", "--models", 1, "--side-by-side"], tmp_path)
    assert codes(ranks) == [2, 2]
    (line,) = errors(ranks)
    assert "2 ranks train 1 models one by one: leave out --side-by-side" in line


def test_alone_nothing_is_shared_out(tmp_path):
    sharing, scores = Sharing(tmp_path / "s.parquet", 1), {"el2n": np.arange(6.0).reshape(2, 3)}
    sharing.check(fresh=False)
    assert (sharing.deals, list(sharing.mine), sharing.trains_with.size) == (False, [0], 1)
    assert not sharing.is_unfinished()
    with unfinished(tmp_path / "s.parquet", {}, 1, False, LOGGED) as run:
        assert sharing.of_all(run, "x") == tmp_path / "s.parquet.unfinished" / "x"
    assert sharing.joined(scores) == scores
    assert sharing.spent([{"seconds": 2.5}], 7) == (2.5, 7)
