"""Files and folders are written whole or not at all, and stand with the permissions of any other file."""

import os
import stat
from pathlib import Path

import numpy as np
import pytest
from helpers.manifests import header_for

import curate
from curate.artifacts.files import atomic_file, atomic_folder, beside, check_ending, or_beside
from curate.errors import CurateError
from curate.manifests.manifest import Selected, open_manifest, write_manifest


class TestAtomicWrites:
    def test_an_output_that_exists_is_kept(self, digits_round, tmp_path):
        (tmp_path / "m").mkdir()
        with pytest.raises(CurateError, match=r"m exists: use --force to replace it, or name another output"):
            curate.select(digits_round.table, keep=5, output=tmp_path / "m")
        assert list((tmp_path / "m").iterdir()) == []

    def test_force_never_replaces_a_folder_that_is_no_manifest(self, digits_round, tmp_path):
        (tmp_path / "m").mkdir()
        (tmp_path / "m" / "thesis.tex").write_text("ten years")
        with pytest.raises(CurateError, match="is not a manifest folder: it is not replaced"):
            curate.select(digits_round.table, keep=5, output=tmp_path / "m", force=True)
        assert (tmp_path / "m" / "thesis.tex").read_text() == "ten years"

    def test_force_replaces_the_whole_folder(self, digits_round, tmp_path):
        curate.select(digits_round.table, keep=5, output=tmp_path / "m")
        (tmp_path / "m" / "extra").write_text("old")
        made = curate.select(digits_round.table, keep=6, output=tmp_path / "m", force=True)
        assert len(open_manifest(made.path).selected(0).indices) == 6
        assert not (tmp_path / "m" / "extra").exists()
        assert [path.name for path in tmp_path.iterdir()] == ["m"]

    def test_an_error_in_mid_write_leaves_nothing(self, tmp_path):
        def fail(folder):
            raise RuntimeError("boom")

        samples = {"index": np.arange(3), "uid": np.arange(3, dtype=np.uint64)}
        with pytest.raises(RuntimeError):
            write_manifest(tmp_path / "m", header_for(3), [Selected(np.arange(2))], samples, extras=fail)
        assert list(tmp_path.iterdir()) == []

    def test_a_missing_parent_folder_is_named(self, digits_round, tmp_path):
        with pytest.raises(CurateError, match=r"the folder .*nowhere does not exist"):
            curate.select(digits_round.table, keep=5, output=tmp_path / "nowhere" / "m")


def test_an_error_in_mid_write_leaves_the_earlier_file(tmp_path):
    (tmp_path / "f").write_text("old")

    def spoil():
        with atomic_file(tmp_path / "f", force=True) as temporary:
            temporary.write_text("half of the n")
            raise RuntimeError("boom")

    with pytest.raises(RuntimeError):
        spoil()
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("f", "old")]


@pytest.mark.parametrize(
    ("umask", "modes"), [("022", "644 755 644"), ("027", "640 750 640"), ("0", "666 777 666")]
)
def test_the_mode_of_what_is_written_follows_the_umask(umask, modes, tmp_path):
    before = os.umask(int(umask, 8))
    try:
        with atomic_file(tmp_path / "file") as temporary:
            temporary.write_text("x")
        with atomic_folder(tmp_path / "folder") as temporary:
            (temporary / "inside").touch(0o600)
    finally:
        os.umask(before)
    written = (tmp_path / "file", tmp_path / "folder", tmp_path / "folder" / "inside")
    assert " ".join(f"{path.stat().st_mode & 0o777:o}" for path in written) == modes


def test_what_is_written_is_synced_before_it_has_its_name_and_the_folder_after(tmp_path, monkeypatch):
    done = []

    def synced(descriptor):
        done.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")

    for name in ("replace", "rename"):
        rename = getattr(Path, name)
        monkeypatch.setattr(Path, name, lambda *paths, act=rename: (done.append("name"), act(*paths)))
    monkeypatch.setattr(os, "fsync", synced)
    with atomic_file(tmp_path / "file") as file:
        file.write_text("a")
    assert done == ["file", "name", "folder"]
    done.clear()
    with atomic_folder(tmp_path / "folder") as folder:
        (folder / "inside").write_text("a")
    assert done == ["file", "folder", "name", "folder"]


def test_what_lies_beside_a_misspelt_path_is_found_whichever_part_was(tmp_path):
    (tmp_path / "photos" / "train").mkdir(parents=True)
    assert beside(tmp_path / "phtoos" / "train") == tmp_path / "photos" / "train"
    assert beside(tmp_path / "photos" / "trian") == tmp_path / "photos" / "train"
    assert beside(tmp_path / "photos" / "train") is None, "it is there"
    assert beside(tmp_path / "elsewhere" / "train") is None
    assert beside(tmp_path / "photoz", ["photoz"]) is None, "another name is nearer"
    assert or_beside(tmp_path / "photo") == f"; did you mean {tmp_path / 'photos'}?"
    assert or_beside(tmp_path / "elsewhere") == ""


def test_a_name_of_another_kind_of_file_is_refused(tmp_path):
    for name in ("a.parquet", "a", "a.5"):
        check_ending(tmp_path / name, ".parquet")
    for name in ("a.npy", "a.csv", "a.safetensors"):
        with pytest.raises(CurateError, match=r"is written as \.parquet: name a file that ends so"):
            check_ending(tmp_path / name, ".parquet")
