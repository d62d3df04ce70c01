"""One run at a time: a folder in use by another run is refused and left alone."""

import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers.unfinished_runs import N_EPOCHS, UCB, assert_same, content, interrupt, train, unfinished, watched

from curate.errors import CurateError

pytest_plugins = ["helpers.unfinished_runs"]


@pytest.fixture
def locked(stopped) -> Iterator[Path]:
    """The folder of the stopped run, held as another process would hold it."""
    descriptor = os.open(unfinished(stopped.run), os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    yield unfinished(stopped.run)
    os.close(descriptor)


@pytest.mark.parametrize("fresh", [False, True])
def test_a_folder_in_use_is_refused_and_left_alone(fresh, small, stopped, locked):
    (locked / ".run.json.abcd.tmp").write_text("being written by the other run")
    before = content(locked)
    with watched() as trained, pytest.raises(CurateError) as problem:
        train(small, stopped.run, force=True, fresh=fresh, **UCB)
    assert str(problem.value) == f"{locked} is in use by another run: wait for it, or name another -o"
    assert trained == []
    assert_same(content(locked), before)
    assert_same(content(stopped.run), stopped.earlier)


@pytest.mark.usefixtures("save_always")
def test_a_second_run_meanwhile_is_refused_and_does_not_disturb_the_first(cli, small, here):
    words = ("train", small, "--set", "width=2", "--epochs", N_EPOCHS, "--device", "cpu", "-o")
    assert cli(*words, "calm").code == 0
    refused = []

    def second(epoch):
        if epoch in (0, 3):
            refused.append(cli(*words, "run"))
            refused.append(cli(*words, "run", "--lr", 0.5, "--fresh"))

    with watched(look=second) as trained:
        assert cli(*words, "run").code == 0
    assert len(refused) == 4
    for result in refused:
        assert result.code == 2
        assert result.err.splitlines()[-1] == (
            "error: run.unfinished is in use by another run: wait for it, or name another -o"
        )
    assert trained == [0, 1, 2, 3, 4, 5]
    made, calm = content(Path("run")), content(Path("calm"))
    assert {made.pop("README.md") != b"", calm.pop("README.md") != b""} == {True}  # it says its name
    assert_same(made, calm)
    assert not Path("run.unfinished").exists()


def test_the_lock_is_released_whatever_happens(small, tmp_path):
    for _ in range(2):
        assert interrupt(small, tmp_path / "run", stop_in=0) == [0]
    train(small, tmp_path / "run")
    train(small, tmp_path / "run", force=True)
