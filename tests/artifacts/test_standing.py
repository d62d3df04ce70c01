"""The same command again: what it made stands, and is known by its header; anything else is in the way."""

import os
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from helpers.commands import assert_error

from curate.artifacts.standing import check_free, header_of, stands
from curate.errors import CurateError

SAID = "is there already, made by this very command"


def content(folder):
    return {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.mark.parametrize(
    ("words", "other"),
    [
        (["embed", "digits", "-o", "x.safetensors"], ["--dim", 3]),
        (["embed", "digits", "--dim", 4, "-o", "x.safetensors"], ["--seed", 3]),
        (["cluster", "{embedding}", "-k", 5, "-o", "x.parquet"], ["--relocate", 0]),
        (["cluster", "{embedding}", "-k", 5, "--strategy", "random", "-o", "x"], ["--keep", 9]),
        (["select", "{table}", "-o", "x"], ["--keep", 0.4]),
        (["train", "digits", "--epochs", 2, "--set", "width=2", "-o", "x"], ["--evaluate-every", 2]),
        (
            ["score", "digits", "--models", 1, "--epochs", 1, "--set", "width=2", "-o", "x.parquet"],
            ["--epochs", 2],
        ),
        (["score", "{embedding}", "-o", "x.parquet"], ["--method", "duplicate"]),
        (["score", "digits", "--from", "{given}", "--hard-is", "low", "-o", "x.parquet"], ["--by", "index"]),
    ],
)
def test_the_same_command_finds_its_output_and_another_does_not(cli, digits_round, here, words, other):
    np.save("given.npy", np.arange(1797))
    places = {"embedding": digits_round.embedding, "table": digits_round.table, "given": "given.npy"}
    words = [str(word).format(**places) for word in words]
    first = cli(*words)
    assert first.code == 0, first.err
    before = content(here)
    again = cli(*words)
    assert (again.code, again.out) == (0, first.out), again.err
    assert SAID in again.err
    assert content(here) == before
    assert_error(cli(*words, *other), "exists: use --force")
    assert content(here) == before
    assert SAID not in cli(*words, "--force").err


def test_scores_from_a_trace_stand_until_other_ones_are_asked_for(cli, here):
    trained = ("score", "digits", "--models", 1, "--epochs", 2, "--set", "width=2", "--trace", "t.parquet")
    assert cli(*trained, "-o", "a.parquet").code == 0
    words = ("score", "--trace", "t.parquet", "--method", "aum", "-o", "x.parquet")
    assert cli(*words).code == 0
    before = content(here)
    again = cli(*words)
    assert again.code == 0
    assert SAID in again.err
    assert_error(cli(*words, "--epochs", 1), "exists: use --force")
    assert content(here) == before


def test_a_union_stands_until_something_else_is_asked_for(cli, digits_round, digits_session, here):
    words = ("compare", digits_round.manifest, digits_session, "-o", "x")
    assert cli(*words, "--union").code == 0
    before = content(here)
    again = cli(*words, "--union")
    assert again.code == 0
    assert SAID in again.err
    assert_error(cli(*words, "--minus"), "exists: use --force")
    assert content(here) == before


def test_cluster_goes_on_where_it_was_killed_between_its_outputs(cli, digits_round, here):
    words = ("cluster", digits_round.embedding, "-k", 5, "--strategy", "random", "-o", "x")
    assert cli(*words).code == 0
    before = content(here)
    shutil.rmtree(here / "x")  # killed before it was there
    again = cli(*words)
    assert again.code == 0
    assert f"x.parquet {SAID}" in again.err
    assert content(here) == before
    (here / "x.parquet").unlink()
    assert cli(*words).code == 0
    assert content(here) == before


def test_what_is_damaged_does_not_stand(cli, digits_round, here):
    words = ("select", digits_round.table, "-o", "x")
    assert cli(*words).code == 0
    (here / "x" / "selection.parquet").write_bytes(b"")
    assert_error(cli(*words), "selection.parquet is damaged")


def test_a_header_of_something_else_is_none(here):
    (here / "a").mkdir()
    (here / "b.parquet").write_bytes(b"PAR1")
    (here / "c.safetensors").write_bytes(b"x")
    for name in ("a", "b.parquet", "c.safetensors", "d"):
        assert header_of(here / name) is None
        assert not stands(here / name, {"command": "embed"})
    check_free(here / "d", False, "embed")
    with pytest.raises(CurateError, match="a exists"):
        check_free(here / "a", False, "embed")


def test_killed_at_any_moment_the_same_command_ends_well(digits_round, here):
    """As a shell script is started again and again until its commands are done."""
    words = ["cluster", str(digits_round.embedding), "-k", "7", "--strategy", "furthest", "-o", "x"]
    for pause in (0.6, 1.0):
        running = subprocess.Popen([sys.executable, "-m", "curate", *words], stderr=subprocess.DEVNULL)
        time.sleep(pause)
        running.send_signal(signal.SIGKILL)
        running.wait()
    for left in here.glob(".*.tmp"):
        os.utime(left, (0, 0))
    done = subprocess.run(
        [sys.executable, "-m", "curate", *words], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in here.iterdir()) == ["x", "x.parquet"]


def test_another_test_set_under_the_same_name_is_another_run(cli, here):
    for seed in (0, 1):
        chance = np.random.default_rng(seed)
        np.savez("t.npz", x=chance.integers(0, 256, (20, 8, 8), dtype=np.uint8), y=np.arange(20) % 10)
        words = ("train", "digits", "--test", "t.npz", "--epochs", 1, "--set", "width=2", "-o", "x")
        done = cli(*words)
        assert (done.code, "exists: use --force" in done.err) == ((0, False) if seed == 0 else (2, True))


def test_what_a_file_holds_now_is_not_told_by_a_header(cli, here):
    """Weights and code may have changed since, so what they made is not taken for what they would make."""
    assert cli("train", "digits", "--epochs", 1, "--set", "width=2", "-o", "w").code == 0
    words = ("embed", "digits", "--method", "features", "--set", "weights=w", "-o", "x.safetensors")
    assert cli(*words).code == 0
    assert_error(cli(*words), "exists: use --force")
