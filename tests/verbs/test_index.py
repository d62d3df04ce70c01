"""The index as a command: what it says, and what only --verify finds."""

import time
from pathlib import Path

import pytest
from helpers.commands import assert_error
from helpers.pictures import png, write

from curate.artifacts.cache import cache_folder
from curate.data import index as indexing
from curate.data.listing import Listing


@pytest.fixture
def files(here, monkeypatch) -> list[Path]:
    """Images of two classes, written long enough ago."""
    monkeypatch.setenv("CURATE_CACHE", str(here / "cache"))
    files = [here / "photos" / "ab"[number % 2] / f"{number:02}.png" for number in range(12)]
    for number, file in enumerate(files):
        write(file, png(10, 10, 3, seed=number))
    time.sleep(0.05)
    return files


def test_the_command_says_what_it_looked_at_and_verify_finds_what_size_and_time_hide(cli, files, here):
    done = cli("index", "photos", "--split", "all")
    assert done.code == 0, done.err
    assert "12 images were looked at, 0 were known" in done.err
    assert Path(done.last).is_file()
    assert [str(path) for path in (cache_folder() / "index").iterdir()] == [done.last]
    assert "0 images were looked at, 12 were known" in cli("index", "photos", "--split", "all").err
    right = cli("index", "photos", "--split", "all", "--verify")
    assert "the index is right: the content of all 12 samples it knows is what it was" in right.err
    table = indexing.Index(_stamps(files[0].parent.parent), "all", None)
    found = table.look_up()
    found.uids[2] += 1  # as if a file had been changed behind the back of the clock
    table.finish(found)
    wrong = cli("index", "photos", "--split", "all", "--verify")
    assert "the index was wrong about 1 of 12 samples, such as photos" in wrong.err
    assert "the index is right" in cli("index", "photos", "--split", "all", "--verify").err
    assert_error(cli("index", "digits"), "digits has no index")


def _stamps(folder: Path):
    listing = Listing(str(folder))
    list(listing.add([str(folder / name) for name in "ab"]))
    return listing.stamps()
