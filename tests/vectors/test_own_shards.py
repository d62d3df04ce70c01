"""Embeddings in shards: as one file would have them, resumed where they were killed, and whole or refused."""

import numpy as np
import pytest
from helpers.commands import assert_error

import curate
from curate.artifacts.kinds import kind_of
from curate.errors import CurateError
from curate.vectors import own_shards
from curate.vectors.embedders import pca
from curate.vectors.opening import open_embedding

WORDS = ("embed", "digits", "--dim", 6, "--shard-size", 400, "-o", "v")
NAMES = [f"vectors-0000{number}-of-00004.safetensors" for number in (1, 2, 3, 4)]


def shards_in(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def killed(cli, here, monkeypatch):
    """A run that was stopped as its third shard was to be written, beside one that was not."""
    assert cli(*WORDS[:-1], "whole").code == 0
    write, calls = own_shards.write_part, []

    def stopped(*arguments, **more):
        calls.append(arguments)
        if len(calls) == 3:
            raise CurateError("the power went")
        write(*arguments, **more)

    with monkeypatch.context() as patch:
        patch.setattr(own_shards, "write_part", stopped)
        assert_error(cli(*WORDS), "the power went")
    assert sorted(path.name for path in (here / "v").iterdir()) == [".fit.safetensors", *NAMES[:2]]
    return here / "v"


def test_shards_hold_what_one_file_holds(cli, here):
    said = cli(*WORDS)
    assert (said.code, said.last) == (0, "v")
    assert cli("embed", "digits", "--dim", 6, "-o", "one.safetensors").code == 0
    one, shards = open_embedding("one.safetensors"), open_embedding("v")
    assert sorted(path.name for path in (here / "v").glob("[!.]*")) == NAMES
    for start, stop in ((0, len(one)), (399, 401), (1200, len(one)), (5, 6)):
        np.testing.assert_allclose(shards.read(start, stop), one.read(start, stop), atol=1e-5)
    for column in ("uids", "labels", "rows"):
        assert np.array_equal(getattr(one, column), getattr(shards, column))
    assert shards.header.dataset == one.header.dataset
    assert kind_of("v") == "embedding"
    assert "1,443 of 6 numbers" in " ".join(cli("inspect", "v").out.split())
    near = [cli("score", name, "--method", "duplicate", "--json") for name in ("one.safetensors", "v")]
    assert [done.code for done in near] == [0, 0], near[1].err
    tables = [curate.cluster(name, 5, output=f"{name[0]}.parquet") for name in ("one.safetensors", "v")]
    assert np.array_equal(tables[0]["cluster"], tables[1]["cluster"])


def test_a_killed_run_goes_on_and_ends_as_one_that_was_not(cli, here, killed, monkeypatch):
    before = {name: (killed / name).stat().st_mtime_ns for name in NAMES[:2]}
    assert_error(cli("cluster", "v"), r"v has 2 of 4 shards: run the same `curate embed` again")
    fits = []
    monkeypatch.setattr(pca, "_exact", lambda *given: fits.append(given))
    assert cli(*WORDS).code == 0
    assert not fits, "what was learned is kept"
    assert {name: (killed / name).stat().st_mtime_ns for name in before} == before
    assert shards_in(killed) == shards_in(here / "whole")


def test_what_was_learned_is_learned_again_where_it_is_damaged(cli, here, killed):
    fit = killed / ".fit.safetensors"
    content = bytearray(fit.read_bytes())
    content[-3] ^= 1
    fit.write_bytes(content)
    assert cli(*WORDS).code == 0
    assert shards_in(killed) == shards_in(here / "whole")


def test_the_same_command_again_finds_it_there(cli, killed):
    assert cli(*WORDS).code == 0
    before = {path: path.stat().st_mtime_ns for path in killed.iterdir()}
    again = cli(*WORDS)
    assert (again.code, "v is there already, made by this very command" in again.err) == (0, True)
    assert {path: path.stat().st_mtime_ns for path in killed.iterdir()} == before


def test_another_command_is_refused_unless_forced(cli, here, killed):
    other = ("embed", "digits", "--dim", 7, "--shard-size", 400, "-o", "v")
    assert_error(cli(*other), r"v/vectors-00001-of-00004.safetensors exists: use --force")
    assert_error(cli("embed", "digits", "--dim", 6, "--shard-size", 100, "-o", "v"), "v exists: use --force")
    assert cli(*other, "--force").code == 0
    assert open_embedding("v").dim == 7


def test_a_damaged_shard_is_refused_and_made_anew_by_the_same_command(cli, here, killed):
    assert cli(*WORDS).code == 0
    content = bytearray((killed / NAMES[1]).read_bytes())
    content[-7] ^= 1
    (killed / NAMES[1]).write_bytes(content)
    assert_error(cli("cluster", "v"), "is damaged: its content does not match its sha256")
    assert cli(*WORDS).code == 0
    assert shards_in(killed) == shards_in(here / "whole")


def test_a_shard_that_is_missing_or_of_another_run_is_named(cli, here):
    assert cli(*WORDS).code == 0
    assert cli(*WORDS[:-1], "w", "--seed", 1).code == 0
    (here / "v" / NAMES[2]).rename(here / "kept")
    assert_error(cli("cluster", "v"), "v lacks shards in between")
    (here / "w" / NAMES[2]).rename(here / "v" / NAMES[2])
    assert_error(cli("cluster", "v"), f"v/{NAMES[2]} and v/{NAMES[0]} are of two runs")


def test_what_is_no_folder_of_shards_is_left_alone(cli, here):
    (here / "v").mkdir()
    (here / "v" / "notes.txt").write_text("mine")
    assert_error(cli(*WORDS, "--force"), "v holds notes.txt, which `embed` did not write")
    (here / "f").write_text("mine")
    assert_error(cli(*WORDS[:-1], "f", "--force"), "f is a file, and shards are written to a folder")
    assert_error(cli("embed", "digits", "--shard-size", 0), "shard-size=0 is too small")
    assert_error(
        cli("embed", "digits", "--dtype", "int8"), "there is no dtype 'int8': use float32 or float16"
    )
    assert (here / "f").read_text() == "mine"


def test_a_run_that_fails_before_its_first_vector_leaves_no_folder(cli, here):
    assert_error(cli("embed", "digits", "--dim", 500, "--shard-size", 400, "-o", "v"), "dim=500 is out of")
    assert not (here / "v").exists()
