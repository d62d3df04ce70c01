"""Cut at every touch of the disk: what a kill leaves is gone on from or cleared up, and nothing else is."""

import os
import shutil
from pathlib import Path

import pytest
from helpers.commands import assert_error
from helpers.unfinished_runs import (
    MANIFEST,
    UCB,
    PulledPlugError,
    assert_same,
    calm_content,
    content,
    pull_the_plug,
    train,
)

from curate.verbs import train_written

pytest_plugins = ["helpers.unfinished_runs"]


@pytest.mark.usefixtures("save_always")
def test_cut_at_every_touch_of_the_disk(cli, small, tmp_path, monkeypatch):
    """What a kill leaves is what is on the disk: the folder as it is before each step is a run of its own."""
    words = ("train", small, "--policy", "random", "--keep", 0.3, "--period", 1)
    words += ("--set", "width=2", "--epochs", 2, "--device", "cpu", "-o", "run")
    live, cuts = tmp_path / "live", []

    def cut(real):
        def cutting(*args, **rest):
            now = content(live)
            if not cuts or now.keys() != cuts[-1].keys() or now != cuts[-1]:
                cuts.append(now)
            return real(*args, **rest)

        return cutting

    live.mkdir()
    with monkeypatch.context() as patch:
        patch.chdir(live)
        for owner, name in (
            (Path, "replace"),
            (Path, "rename"),
            (Path, "unlink"),
            (Path, "write_bytes"),
            (Path, "write_text"),
            (os, "fsync"),
            (shutil, "rmtree"),
            (os, "unlink"),
            (os, "rmdir"),
        ):
            patch.setattr(owner, name, cut(getattr(owner, name)))
        assert cli(*words).code == 0
    calm = content(live / "run")
    assert set(calm) == MANIFEST
    assert len(cuts) > 20
    assert {"run/manifest.json", "run.unfinished/run.json"} <= set().union(*cuts)
    resumed = 0
    for number, files in enumerate(cuts):
        folder = tmp_path / f"cut-{number}"
        for name, data in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(data)
        folder.mkdir(exist_ok=True)
        monkeypatch.chdir(folder)
        result = cli(*words)
        where = f"cut {number}: {sorted(files)}"
        if "run/manifest.json" in files:
            assert result.code == 0, where
            assert_same(content(folder / "run"), calm)
            assert_error(cli(*words, "--seed", 1), "run exists: use --force to replace it")
        assert result.code == 0, where + result.err
        assert [path.name for path in folder.iterdir()] == ["run"], where
        resumed += "going on" in result.err
        assert_same(content(folder / "run"), calm)
    assert resumed > 5


@pytest.mark.usefixtures("save_always")
def test_killed_while_the_manifest_is_written_the_next_run_clears_up(cli, small, here, monkeypatch):
    words = ("train", small, "--set", "width=2", "--epochs", 2, "--device", "cpu", "-o", "run")
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "rmtree", lambda *args, **rest: None)  # killed: nobody clears up
        patch.setattr(train_written, "write_metrics", pull_the_plug)
        assert cli(*words).code == 1
    assert len(list(here.glob(".run.*.tmp"))) == 1
    assert cli(*words).code == 0
    assert [path.name for path in here.iterdir()] == ["run"]


@pytest.mark.usefixtures("save_always")
def test_killed_while_clearing_up_the_run_can_be_made_again(small, tmp_path, monkeypatch):
    """Whichever file was the first to go."""
    calm = calm_content(small, **UCB)
    rmtree = shutil.rmtree

    def half_way(folder, *args, **rest):
        if Path(folder).name != "run.unfinished":
            rmtree(folder, *args, **rest)
            return
        for file in Path(folder).glob("state-*.pt"):
            file.unlink()
        raise PulledPlugError

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "rmtree", half_way)
        with pytest.raises(PulledPlugError):
            train(small, tmp_path / "run", **UCB)
    assert_same(content(tmp_path / "run"), calm)
    train(small, tmp_path / "run", force=True, **UCB)
    assert_same(content(tmp_path / "run"), calm)
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_only_what_this_run_left_is_cleared_up(small, tmp_path):
    """Another run, of the output `run.2`, is just writing its manifest."""
    others = [tmp_path / ".run.2.abcd1234.tmp", tmp_path / ".run-2.abcd1234.tmp", tmp_path / ".run.notes.tmp"]
    for other in others[:2]:
        other.mkdir()
        (other / "selection.parquet").write_bytes(b"half")
    others[2].write_text("a file")
    train(small, tmp_path / "run", policy="full", hyperparameters={"n_epochs": 1})
    assert [other.name for other in others if not other.exists()] == []


@pytest.mark.usefixtures("save_always")
def test_killed_when_the_manifest_is_in_place_another_command_may_replace_it(cli, small, here, monkeypatch):
    words = ("train", small, "--set", "width=2", "--epochs", 2, "--device", "cpu", "-o", "run")
    with monkeypatch.context() as patch:
        real = Path.unlink

        def unlink(self, missing_ok=False):
            if self.name == "run.json":
                raise PulledPlugError
            real(self, missing_ok)

        patch.setattr(Path, "unlink", unlink)
        assert cli(*words).code == 1
    assert {path.name for path in here.iterdir()} == {"run", "run.unfinished"}
    result = cli(*words, "--lr", 0.01, "--force")
    assert result.code == 0, result.err
    assert [path.name for path in here.iterdir()] == ["run"]
