"""What the cache keeps is whole and of this version, or it is as if it were not there."""

import time

import pyarrow as pa
import pytest

from curate.data import kept as keeping
from curate.data.kept import keep, kept, known
from curate.progress import LOGGED

TABLE = pa.table({"key": pa.array([b"a", b"\xff"], pa.large_binary()), "size": [1, -1]})


def test_what_is_kept_is_found_with_what_is_said_about_it(tmp_path):
    path = tmp_path / "new" / "x.parquet"
    keep(path, "index", [TABLE], {"place": "/somewhere \udcff"})
    table, about = kept(path, "index", LOGGED)
    assert table.read().equals(TABLE)
    assert (about["place"], about["kind"]) == ("/somewhere \udcff", "index")
    assert kept(tmp_path / "none.parquet", "index", LOGGED) is None


@pytest.mark.parametrize("place", [0, 40, -20])
def test_what_is_damaged_is_said_to_be_made_anew(tmp_path, caplog, place):
    path = tmp_path / "x.parquet"
    keep(path, "index", [TABLE], {})
    content = bytearray(path.read_bytes())
    content[place] ^= 255
    path.write_bytes(bytes(content))
    assert kept(path, "index", LOGGED) is None
    assert "is damaged or of another version: it is made anew" in caplog.text


def test_what_is_of_another_kind_or_version_is_not_taken(tmp_path, monkeypatch):
    path = tmp_path / "x.parquet"
    keep(path, "index", [TABLE], {})
    assert kept(path, "tar", LOGGED) is None
    monkeypatch.setattr(keeping, "VERSION", 99)
    assert kept(path, "index", LOGGED) is None


def test_a_cache_that_cannot_be_written_is_left(tmp_path):
    (tmp_path / "file").write_text("")
    keep(tmp_path / "file" / "x.parquet", "index", [TABLE], {})
    assert (tmp_path / "file").read_text() == ""


def test_what_is_made_of_files_is_made_once_and_again_where_one_changes(here, monkeypatch):
    monkeypatch.setenv("CURATE_CACHE", str(here / "cache"))
    monkeypatch.setattr(keeping, "SETTLED_NS", 20_000_000)
    files, made = [here / "a", here / "b"], []
    for file in files:
        file.write_text("x")

    def make():
        made.append(len(made))
        return pa.table({"n": [len(made)]})

    def now(kind="n"):
        return known(kind, files, make, LOGGED).column("n").to_pylist()

    time.sleep(0.05)
    assert [now(), now()] == [[1], [1]]
    files[1].write_text("y")
    assert [now(), now()] == [[2], [3]]  # its next change might not be seen
    time.sleep(0.05)
    assert [now(), now()] == [[4], [4]]
    assert now("other") == [5]
