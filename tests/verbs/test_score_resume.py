"""A killed score goes on where it was, and replaces nothing that is not its own."""

import os
import signal
import subprocess
import sys
import time

import pyarrow.parquet as pq
import pytest

import curate
from curate.errors import CurateError
from curate.verbs import score_from_training

pytest_plugins = ["helpers.forks", "helpers.scored_digits"]


def columns_of(path):
    table = pq.read_table(path)
    return {name: table.column(name).to_pylist() for name in table.column_names}


KILLED = """
import os, torch
from curate.training.unfinished import Unfinished
import curate.training.unfinished
torch.set_num_threads({threads})
curate.training.unfinished._SHARE = 1.0
left = {kill_at}
for name in ("keep", "_write_run"):
    def counted(self, *given, _of=getattr(Unfinished, name), **more):
        global left
        if left == 0:
            os.kill(os.getpid(), 9)
        left -= 1
        return _of(self, *given, **more)
    setattr(Unfinished, name, counted)
"""


@pytest.mark.slow
@pytest.mark.parametrize("way", ["--side-by-side", "--one-by-one", "at once"])
def test_killed_at_any_write_it_ends_in_the_same_scores(forks, way, tmp_path):
    words = ["score", "digits+per-class=20", "--method", "aum,el2n", "--models", "2", "--epochs", "2"]
    words += ["--set", "width=4", "--trace", "t.parquet", "-o", "s.parquet"]
    words += [] if way == "at once" else [way]

    def run(folder, kill_at=-1):
        folder.mkdir(exist_ok=True)
        before = KILLED.format(threads=2 if way == "at once" else 1, kill_at=kill_at)
        done = forks.run(words, folder, os.environ, before)
        assert done.returncode in (0, -signal.SIGKILL), done.stderr
        return done.returncode == 0

    assert run(tmp_path / "calm")
    writes = 0
    while not run(folder := tmp_path / f"killed-{writes}", kill_at=writes):
        assert run(folder)
        for name in ("s.parquet", "t.parquet"):
            assert columns_of(folder / name) == columns_of(tmp_path / "calm" / name)
        assert {path.name for path in folder.iterdir()} == {"s.parquet", "t.parquet"}
        writes += 1
    assert writes > 4


@pytest.fixture(params=[1, 2])
def threads(request, set_threads):
    """With two of them, both models are trained at once."""
    set_threads(request.param)


@pytest.mark.usefixtures("threads")
def test_a_run_that_was_stopped_goes_on_where_it_was(some_digits, tmp_path, monkeypatch):
    calm = curate.score(some_digits, ["el2n", "aum"], models=2, epochs=3, output=tmp_path / "calm")
    monkeypatch.setattr("curate.training.unfinished._SHARE", float("inf"))
    real, trained = score_from_training.fit_all, []

    def stopping(*given, **more):
        for done in real(*given, **more):
            trained.append(done.epoch)
            yield done
            if trained == [0, 1]:
                raise KeyboardInterrupt

    monkeypatch.setattr(score_from_training, "fit_all", stopping)
    with pytest.raises(KeyboardInterrupt):
        curate.score(some_digits, ["el2n", "aum"], models=2, epochs=3, output=tmp_path / "s")
    assert (tmp_path / "s.unfinished").is_dir()
    table = curate.score(some_digits, ["el2n", "aum"], models=2, epochs=3, output=tmp_path / "s")
    assert trained[:2] == [0, 1]
    assert trained[-1] == 2
    assert all((table[name] == calm[name]).all() for name in calm.columns)
    assert table.header.cost.samples_seen == calm.header.cost.samples_seen
    assert not (tmp_path / "s.unfinished").exists()


def test_an_unfinished_run_of_other_options_is_refused_unless_fresh(some_digits, tmp_path, monkeypatch):
    monkeypatch.setattr("curate.training.unfinished._SHARE", float("inf"))
    monkeypatch.setattr(score_from_training, "_look", lambda *given: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        curate.score(some_digits, "el2n", models=1, epochs=1, output=tmp_path / "s")
    monkeypatch.undo()
    with pytest.raises(CurateError, match="holds an unfinished run of another command"):
        curate.score(some_digits, "el2n", models=1, epochs=2, output=tmp_path / "s")
    (tmp_path / "s.unfinished" / "run.json").write_bytes(b"{")
    curate.score(some_digits, "el2n", models=1, epochs=2, output=tmp_path / "s", fresh=True)
    assert [path.name for path in tmp_path.iterdir()] == ["s"]


def stopped(some_digits, tmp_path, monkeypatch, **options):
    """A run that was interrupted when all was trained."""
    monkeypatch.setattr("curate.training.unfinished._SHARE", float("inf"))
    monkeypatch.setattr(score_from_training, "_look", lambda *given: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        curate.score(some_digits, "el2n", models=1, epochs=1, output=tmp_path / "s", **options)
    monkeypatch.undo()


def test_what_is_unfinished_is_no_leave_to_replace_what_others_wrote(some_digits, tmp_path, monkeypatch):
    (tmp_path / "notes").write_text("mine")
    stopped(some_digits, tmp_path, monkeypatch)
    with pytest.raises(CurateError, match=r"holds an unfinished run of another command \(trace was"):
        curate.score(some_digits, "el2n", models=1, epochs=1, output=tmp_path / "s", trace=tmp_path / "t")
    for trace in ("notes", "s.unfinished/run.json"):
        with pytest.raises(CurateError):
            curate.score(
                some_digits, "el2n", models=1, epochs=1, output=tmp_path / "s", trace=tmp_path / trace
            )
    assert (tmp_path / "notes").read_text() == "mine"
    (tmp_path / "s").write_text("mine")
    with pytest.raises(CurateError, match="exists: use --force"):
        curate.score(some_digits, "el2n", models=1, epochs=1, output=tmp_path / "s")
    assert (tmp_path / "s").read_text() == "mine"


def test_an_empty_folder_left_by_a_kill_is_no_leave_to_replace(some_digits, tmp_path):
    first = curate.score(some_digits, "el2n", models=1, epochs=1, output=tmp_path / "s")
    before = first.path.read_bytes()
    (tmp_path / "s.unfinished").mkdir()
    with pytest.raises(CurateError, match="exists: use --force"):
        curate.score(some_digits, "el2n", models=1, epochs=1, seed=4, output=tmp_path / "s")
    assert first.path.read_bytes() == before


@pytest.mark.slow
def test_a_killed_command_can_be_started_again(tmp_path):
    """The command itself, killed by a signal at some moment of its training."""
    words = ["score", "digits", "--method", "aum", "--epochs", "30", "-o", "s.parquet", "--device", "cpu"]
    start = [sys.executable, "-m", "curate", *words]
    running = subprocess.Popen(start, cwd=tmp_path, stderr=subprocess.PIPE)
    for _ in range(600):
        if (tmp_path / "s.parquet.unfinished" / "run.json").exists():
            break
        time.sleep(0.05)
    os.kill(running.pid, signal.SIGKILL)
    running.communicate()
    done = subprocess.run(start, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert "going on after epoch" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["s.parquet"]
