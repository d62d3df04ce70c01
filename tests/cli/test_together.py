"""Commands that ranks do together: they write what one process writes, and what goes wrong is one line."""

import os
import subprocess
import sys

import numpy as np
import polars as pl
import pytest
from helpers.pictures import encoded, write
from helpers.ranks import codes, done, errors, together

from curate.artifacts.results import read_results
from curate.vectors.opening import open_embedding

pytest_plugins = ["helpers.forks"]
ROUNDING = 1e-5  # float32, of numbers up to some tens


@pytest.fixture
def one(forks, tmp_path):
    """A folder where one process has embedded, clustered and selected."""
    for words in (
        ["embed", "digits", "--dim", 8, "-o", "e.safetensors"],
        ["cluster", "e.safetensors", "-k", 12, "-o", "c.parquet"],
        ["select", "c.parquet", "--keep", 0.3, "-o", "m"],
    ):
        ran = forks.run(words, tmp_path, {**os.environ, "OMP_NUM_THREADS": "1"})
        assert ran.returncode == 0, ran.stderr
    return tmp_path


@pytest.mark.parametrize("size", [2, 3])
def test_an_autoencoder_is_that_of_one_process(forks, one, size):
    words = ["embed", "digits", "--method", "autoencoder", "--set", "n_steps=20", "--dim", 4]
    for name, more in (("a", []), ("b", ["--set", "batch_size=2"])):  # of b, one of three ranks has none
        ran = forks.run(
            [*words, *more, "-o", f"{name}1.safetensors"], one, {**os.environ, "OMP_NUM_THREADS": "1"}
        )
        assert ran.returncode == 0, ran.stderr
        several = f"{name}{size}.safetensors"
        assert done(together(forks, size, [*words, *more, "-o", several], one)) == f"{several}\n"
        right, made = open_embedding(one / f"{name}1.safetensors"), open_embedding(one / several)
        assert np.abs(made.read(0, made.n) - right.read(0, right.n)).max() < 1e-4
        errors_of = [opened.header.summary["mean_squared_error"] for opened in (right, made)]
        assert errors_of[0] == pytest.approx(errors_of[1], rel=1e-4)


@pytest.mark.parametrize("size", [2, 3])
def test_embed_and_cluster_give_what_one_process_gives(forks, one, size):
    embed = ["embed", "digits", "--dim", 8]
    assert done(together(forks, size, [*embed, "-o", "e2.safetensors"], one)) == "e2.safetensors\n"
    assert done(together(forks, size, [*embed, "-o", "shards", "--shard-size", 200], one)) == "shards\n"
    right = open_embedding(one / "e.safetensors")
    for name in ("e2.safetensors", "shards"):
        made = open_embedding(one / name)
        assert made.header.world_size == size
        assert np.array_equal(made.uids, right.uids)
        assert np.array_equal(made.labels, right.labels)
        assert np.abs(made.read(0, made.n) - right.read(0, right.n)).max() < ROUNDING
    assert not list(one.glob(".e2*"))
    whole = ["embed", "digits", "-o", "e3.safetensors"]  # a dim of the method's own
    for _ in range(2):
        assert done(together(forks, size, whole, one)) == "e3.safetensors\n"
    assert not list(one.glob(".e3*"))
    (one / ".e2.safetensors.parts").mkdir()  # as if it had been killed before it had cleared up
    assert done(together(forks, size, [*embed, "-o", "e2.safetensors"], one)) == "e2.safetensors\n"
    assert not list(one.glob(".e2*"))
    cluster = ["cluster", "e.safetensors", "-k", 12, "--strategy", "furthest", "--keep", 0.3, "-o", "m2"]
    assert done(together(forks, size, cluster, one)) == "m2\n"
    tables = [pl.read_parquet(one / name) for name in ("c.parquet", "m2.parquet")]
    assert tables[0]["cluster"].equals(tables[1]["cluster"])
    assert (tables[0]["distance"] - tables[1]["distance"]).abs().max() < ROUNDING
    selected = [pl.read_parquet(one / name / "selection.parquet") for name in ("m", "m2")]
    assert selected[0].equals(selected[1])


def test_replay_deals_out_trials_and_all_of_them_are_those_of_one_process(forks, one):
    words = ["replay", "m", "--epochs", 1, "--set", "width=2", "--against", "random"]
    together_words = [*words, "--trials", 2, "-o", "two.parquet"]
    assert done(together(forks, 2, together_words, one)).splitlines()[-1] == "two.parquet"
    ran = forks.run([*words, "--trials", 2, "-o", "one.parquet"], one, {**os.environ, "OMP_NUM_THREADS": "1"})
    assert ran.returncode == 0, ran.stderr
    weights = [
        {row.key: row.weights_sha256 for row in read_results(one / name)}
        for name in ("one.parquet", "two.parquet")
    ]
    assert len(weights[0]) == 4
    assert weights[0] == weights[1]
    more = together(forks, 3, [*words, "--trials", 3, "-o", "two.parquet"], one)  # in another number
    done(more)
    assert "two.parquet has 4 of 6 trials already" in more[0].err.read_text()
    rows = read_results(one / "two.parquet")
    assert len({row.key for row in rows}) == len(rows) == 6
    done(together(forks, 2, [*words, "--trials", 1, "-o", "two.parquet", "--force"], one))
    assert len(read_results(one / "two.parquet")) == 2


def test_fewer_trials_of_replay_than_ranks_are_trained_by_all(forks, one):
    words = ["replay", "m", "--epochs", 2, "--set", "width=2", "--trials", 2]
    shown = done(together(forks, 3, [*words, "-o", "three.parquet"], one))
    assert shown.splitlines()[-1] == "three.parquet"
    ran = forks.run([*words, "-o", "one.parquet"], one, {**os.environ, "OMP_NUM_THREADS": "1"})
    assert ran.returncode == 0, ran.stderr
    rows = [{row.seed: row for row in read_results(one / name)} for name in ("one.parquet", "three.parquet")]
    assert rows[0].keys() == rows[1].keys()
    for seed, row in rows[0].items():
        assert rows[1][seed].test_loss == pytest.approx(row.test_loss, rel=1e-3)
        assert rows[1][seed].samples_seen == row.samples_seen
        assert rows[1][seed].key != row.key  # equal up to rounding only
    again = together(forks, 3, [*words, "-o", "three.parquet"], one)
    done(again)
    assert "three.parquet has 2 of 2 trials already" in again[0].err.read_text()


def test_a_rank_that_is_killed_ends_the_others_and_the_same_command_goes_on(forks, tmp_path):
    """It is killed when a shard of its own stands; the others notice when they next ask for it."""
    words = ["embed", "digits", "--dim", 8, "-o", "v", "--shard-size", 100]
    slow = """
import os, time
from curate.vectors import own_shards
from curate import world
real = own_shards.write_part
def slowly(path, *given, **how):
    real(path, *given, **how)
    time.sleep(0.2)
    if world.here().rank == 1 and int(path.name[8:13]) > 3:
        os.kill(os.getpid(), 9)
own_shards.write_part = slowly
"""
    ranks = together(forks, 2, words, tmp_path, before=slow)
    assert codes(ranks) == [2, -9]
    assert errors(ranks) == [
        "error: another rank has ended before its work was done: start the same command again, which goes on "
        "where it was"
    ]
    stands = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "v").glob("vectors*")}
    assert 2 <= len(stands) < 15
    done(together(forks, 3, words, tmp_path))
    now = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "v").glob("vectors*")}
    assert len(now) == 15
    assert stands.items() <= now.items()
    assert open_embedding(tmp_path / "v").n == 1443


class TestWrongs:
    """Whatever is wrong is said by one rank, before any work."""

    def test_other_words(self, forks, tmp_path):
        ranks = together(forks, 2, lambda rank: ["embed", "digits", "--dim", 5 + rank], tmp_path)
        assert codes(ranks) == [2, 2]
        (line,) = errors(ranks)
        assert "ranks differ in their command" in line
        assert "--dim 5" in line
        assert "--dim 6" in line

    def test_other_images(self, forks, tmp_path):
        for rank in range(2):
            for number in range(4):
                pixels = np.full((8, 8, 3), 40 * number + rank, np.uint8)
                write(tmp_path / str(rank) / "photos" / f"{number}.png", encoded(pixels))
        folders = [tmp_path / "0", tmp_path / "1"]
        ranks = together(forks, 2, ["embed", "photos", "--split", "all", "--dim", 2], folders)
        assert codes(ranks) == [2, 2]
        (line,) = errors(ranks)
        assert "ranks differ in dataset" in line

    def test_an_image_that_one_rank_alone_finds_corrupt(self, forks, tmp_path):
        for rank in range(2):
            for number in range(4):
                pixels = np.full((8, 8, 3), 40 * number, np.uint8)
                write(tmp_path / str(rank) / "photos" / f"{number}.png", encoded(pixels))
        (tmp_path / "1" / "photos" / "2.png").write_bytes(b"no image")
        folders = [tmp_path / "0", tmp_path / "1"]
        ranks = together(forks, 2, ["embed", "photos", "--split", "all", "--dim", 2], folders)
        assert codes(ranks) == [2, 2]
        (line,) = errors(ranks)
        assert line.startswith("error: rank 1: ")
        assert "2.png" in line

    @pytest.mark.parametrize("want", ["numpy.empty(2**55)", "torch.empty(2**55)"])
    def test_a_rank_without_memory(self, forks, tmp_path, want):
        before = f"""
import numpy, torch
from curate import world
from curate.vectors.embedders import pca
real = pca._exact
pca._exact = lambda *given: {want} if world.here().rank else real(*given)
"""
        ranks = together(forks, 2, ["embed", "digits", "--dim", 2], tmp_path, before=before)
        assert codes(ranks) == [2, 2]
        (line,) = errors(ranks)
        assert line.startswith("error: rank 1: out of memory: ")
        done(together(forks, 2, ["embed", "digits", "--dim", 2], tmp_path))

    def test_a_start_that_looks_at_all_vectors(self, forks, one):
        ranks = together(forks, 2, ["cluster", "e.safetensors", "--init", "kmeans++", "-o", "x.parquet"], one)
        assert codes(ranks) == [2, 2]
        (line,) = errors(ranks)
        assert "use --init random" in line


@pytest.mark.parametrize(
    ("size", "words"),
    [
        (2, ["prototypicality"]),
        (2, ["duplicate"]),
        (2, ["duplicate", "--set", "rule=pairs"]),
        (2, ["duplicate", "--set", "within=clusters"]),
        (3, ["duplicate", "--set", "within=clusters", "--set", "rule=pairs", "--set", "k=5"]),
        (3, ["duplicate", "--set", "within=clusters", "--set", "k=2"]),  # one rank has none
    ],
)
def test_scores_of_vectors_are_those_of_one_process(forks, one, size, words):
    words = ["score", "e.safetensors", "--method", *words, "--force"]
    assert done(together(forks, size, [*words, "-o", "several.parquet"], one)) == "several.parquet\n"
    ran = forks.run([*words, "-o", "one.parquet"], one, {**os.environ, "OMP_NUM_THREADS": "1"})
    assert ran.returncode == 0, ran.stderr
    assert pl.read_parquet(one / "one.parquet").equals(pl.read_parquet(one / "several.parquet"))


def test_what_is_not_shared_out_is_done_by_the_first(forks, one):
    ranks = together(forks, 2, ["select", "c.parquet", "--keep", 0.2, "-o", "m3"], one)
    assert done(ranks) == "m3\n"


@pytest.mark.slow
def test_torchrun_itself_starts_them(one):
    started = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "-m", "curate"]
    words = ["embed", "digits", "--dim", "8", "-o", "t.safetensors"]
    ran = subprocess.run([*started, *words], cwd=one, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout == "t.safetensors\n"
    assert open_embedding(one / "t.safetensors").header.world_size == 2
