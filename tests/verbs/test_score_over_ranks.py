"""Models shared out over ranks: the scores and the trace of one process, and runs that go on."""

import os

import numpy as np
import polars as pl
import pytest
from helpers.ranks import codes, done, errors, together

from curate.artifacts.tables import open_table
from curate.verbs.score_over_ranks import beside, check_ranks, kept_by_all, of_all, spent_by_all

pytest_plugins = ["helpers.forks"]
WORDS = ["score", "digits", "--models", 3, "--epochs", 2, "--set", "width=2", "--one-by-one"]


@pytest.mark.parametrize("size", [2, 3])
def test_scores_and_trace_are_those_of_one_process(forks, tmp_path, size):
    methods = ["--method", "el2n", "--method", "forgetting", "--trace", "t.parquet", "-o", "s.parquet"]
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


def test_more_ranks_than_models_are_refused(forks, tmp_path):
    words = ["score", "digits", "--models", 1, "--epochs", 1, "--set", "width=2"]
    ranks = together(forks, 2, words, tmp_path)
    assert codes(ranks) == [2, 2]
    (line,) = errors(ranks)
    assert "2 ranks share out 1 models: start 1 ranks or fewer" in line


def test_alone_nothing_is_shared_out(tmp_path):
    output, scores = tmp_path / "s.parquet", {"el2n": np.arange(6.0).reshape(2, 3)}
    check_ranks(output, 1, fresh=False)
    assert beside(output) == output
    assert kept_by_all(output, "x") == [tmp_path / "s.parquet.unfinished" / "x"]
    assert of_all(scores) == scores
    assert spent_by_all(2.5, 7) == (2.5, 7)
