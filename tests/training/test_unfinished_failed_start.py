"""A run that cannot start leaves nothing behind, and what was there as it was."""

import contextlib

import pytest
from helpers.unfinished_runs import N_EPOCHS, assert_same, content, train, unfinished

from curate.errors import CurateError

pytest_plugins = ["helpers.unfinished_runs"]

FAILED = {
    "period": ("--policy", "ucb", "--keep", 0.3, "--period", 7),
    "keep of 0": ("--policy", "ucb", "--keep", 0),
    "keep of all too many": ("--policy", "ucb", "--trust", 0.4),
    "unknown option": ("--policy", "ucb", "--keep", 0.3, "--set", "alhpa=1"),
    "unknown policy": ("--policy", "ubc", "--keep", 0.3),
    "unknown model": ("--model", "basic-cmm"),
    "epochs": ("--epochs", 0),
    "test": ("--test", "nowhere.npz"),
    "evaluate-every": ("--evaluate-every", -1),
    "device": ("--device", "tpu7"),
    "option seen only in the first epoch": ("--policy", "infobatch", "--set", "ratio=2"),
    "nothing to build on": ("--policy", "recorded"),
    "lr": ("--lr", 1e30, "--optimizer", "sgd"),
}


@pytest.mark.usefixtures("save_always")
@pytest.mark.parametrize("name", FAILED)
def test_a_failed_start_leaves_nothing_behind(name, cli, small, here):
    result = cli("train", small, "--epochs", N_EPOCHS, *FAILED[name], "-o", "run")
    assert result.code == 2
    assert result.err.splitlines()[-1].startswith("error: ")
    assert list(here.iterdir()) == []


@pytest.mark.parametrize("name", FAILED)
def test_a_failed_start_leaves_an_unfinished_run_alone(name, cli, small, stopped, monkeypatch):
    before = content(unfinished(stopped.run))
    monkeypatch.chdir(stopped.run.parent)
    result = cli("train", small, "--epochs", N_EPOCHS, *FAILED[name], "-o", "run", "--force")
    assert result.code == 2
    assert_same(content(unfinished(stopped.run)), before)
    assert_same(content(stopped.run), stopped.earlier)


def test_a_folder_of_the_users_own_is_not_deleted(small, tmp_path):
    notes = tmp_path / "run.unfinished" / "notes.txt"
    notes.parent.mkdir()
    notes.write_text("to be finished")
    with contextlib.suppress(CurateError):
        train(small, tmp_path / "run", policy="full", hyperparameters={"n_epochs": 1})
    assert notes.exists()
