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
    link = os.link
    monkeypatch.setattr(os, "link", lambda *paths: (done.append("name"), link(*paths)))
    monkeypatch.setattr(os, "fsync", synced)
    with atomic_file(tmp_path / "file", force=True) as file:
        file.write_text("a")
    assert done == ["file", "name", "folder"]
    (tmp_path / "file").unlink()
    done.clear()
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


def test_what_a_link_leads_to_is_written_and_it_stays_a_link(tmp_path):
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to("real")
    with atomic_file(tmp_path / "link", force=True) as temporary:
        temporary.write_text("new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == "new"
    (tmp_path / "nothing-yet").symlink_to("made")
    with atomic_file(tmp_path / "nothing-yet") as temporary:
        temporary.write_text("new")
    assert (tmp_path / "made").read_text() == "new"


def test_a_folder_behind_a_link_is_exchanged_and_it_stays_a_link(digits_round, tmp_path):
    curate.select(digits_round.table, keep=5, output=tmp_path / "real")
    (tmp_path / "link").symlink_to("real")
    curate.select(digits_round.table, keep=6, output=tmp_path / "link", force=True)
    assert (tmp_path / "link").is_symlink()
    assert len(open_manifest(tmp_path / "real").selected(0).indices) == 6


@pytest.mark.parametrize("force", [False, True])
def test_devices_and_pipes_are_not_replaced(tmp_path, force):
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "null").symlink_to("/dev/null")
    for path in (tmp_path / "fifo", tmp_path / "null", Path("/dev/null")):
        for write in (atomic_file, atomic_folder):
            with (
                pytest.raises(CurateError, match="is a device or a pipe and is not replaced"),
                write(path, force),
            ):
                pass
    with pytest.raises(CurateError, match="-o -: name a file"), atomic_file(Path("-"), force):
        pass
    assert stat.S_ISFIFO((tmp_path / "fifo").stat().st_mode)


def test_of_two_that_write_one_output_one_wins_and_the_other_says_so(tmp_path):
    def write_file():
        with atomic_file(tmp_path / "f") as temporary:
            temporary.write_text("second")
            (tmp_path / "f").write_text("first")

    def write_folder():
        with atomic_folder(tmp_path / "m"):
            (tmp_path / "m").mkdir()
            (tmp_path / "m" / "manifest.json").write_text("first")

    with pytest.raises(CurateError, match="f exists: use --force"):
        write_file()
    assert (tmp_path / "f").read_text() == "first"
    with pytest.raises(CurateError, match="m exists: use --force"):
        write_folder()
    assert (tmp_path / "m" / "manifest.json").read_text() == "first"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["f", "m"]


def test_what_killed_processes_left_is_cleared_and_what_others_write_is_not(tmp_path):
    left = [tmp_path / ".f.abcd1234.tmp", tmp_path / ".f.folder12.tmp"]
    left[0].write_text("half")
    left[1].mkdir()
    spared = [tmp_path / ".f.tmp", tmp_path / ".g.abcd1234.tmp", tmp_path / ".f.fresh123.tmp"]
    for path in spared:
        path.write_text("of another")
    for path in (*left, *spared[:2]):
        os.utime(path, (0, 0))
    with atomic_file(tmp_path / "f") as mine:
        os.utime(mine, (0, 0))
        with atomic_file(tmp_path / "f", force=True) as temporary:
            temporary.write_text("x")
        assert mine.exists(), "it is locked"
        mine.write_text("y")
        (tmp_path / "f").unlink()
    assert not any(path.exists() for path in left)
    assert all(path.exists() for path in spared)


def test_a_folder_that_cannot_be_written_to_is_said_before_any_work(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != tmp_path)
    for write in (atomic_file, atomic_folder):
        with (
            pytest.raises(CurateError, match=f"the folder {tmp_path} cannot be written to"),
            write(tmp_path / "f"),
        ):
            pass
