"""Killed with SIGKILL at any moment and called again: a run goes on where it was, to the same bytes."""

import json
import os
import random
import signal
import time

import pytest
from helpers.unfinished_runs import MANIFEST, assert_same, content

import curate

pytest_plugins = ["helpers.forks", "helpers.unfinished_runs"]

N_KILLS = 20
WORDS = ["train", "digits.npz", "--policy", "ucb", "--keep", "0.3", "--period", "1", "--epochs", "12"]
WORDS += ["--set", "width=4", "--evaluate-every", "4", "--device", "cpu", "-o", "run"]
OFTEN = "\nimport curate.training.unfinished as unfinished\nunfinished._SHARE = 1.0"


def stage(folder):
    """How far a killed run had come."""
    if (folder / "run").exists():
        return "manifest in place"
    if list(folder.glob(".run.*.tmp")):
        return "writing the manifest"
    if not (folder / "run.unfinished").exists():
        return "set-up"
    try:
        records = json.loads((folder / "run.unfinished" / "run.json").read_text())["records"]
    except FileNotFoundError:
        return "first epoch"
    return f"after {len(records)} saved epochs"


@pytest.mark.slow
def test_killed_at_20_random_moments_the_result_is_the_same_to_the_byte(forks, small, tmp_path):
    logs = []

    def start(folder, before=""):
        fork = forks.start(WORDS, folder, os.environ, before)
        logs.append(fork.err)
        return fork

    def folder_of(name):
        (tmp_path / name).mkdir()
        (tmp_path / name / "digits.npz").symlink_to(small)
        return tmp_path / name

    calm = folder_of("calm")
    fork, began = start(calm), time.monotonic()
    assert fork.wait(120) == 0
    duration = time.monotonic() - began

    chance = random.Random(20)
    killed, folders = [], []
    while len(killed) < N_KILLS:
        folders.append(folder_of(f"killed-{len(folders)}"))
        code = None
        while code is None:
            delay = chance.uniform(0, duration) if len(killed) < N_KILLS else 120
            fork = start(folders[-1], OFTEN if len(logs) % 2 else "")
            code = fork.wait(delay)
            if code is None and (code := fork.kill()) == -signal.SIGKILL:
                killed.append(stage(folders[-1]))
                code = None
        # A kill between the manifest's last step and the exit leaves a finished run, which is not replaced.
        finished = code == 2 and killed and killed[-1] == "manifest in place"
        assert code == 0 or finished, logs[-1].read_text()
    print(f"undisturbed: {duration:.2f} s; killed: {killed}")
    assert len(killed) == N_KILLS
    outcome = "".join(log.read_text() for log in logs)
    assert "going on after epoch" in outcome, "no attempt had anything to go on from"
    result = content(calm / "run")
    assert set(result) == MANIFEST
    for folder in folders:
        assert_same(content(folder / "run"), result)
    assert curate.open_manifest(calm / "run").n_epochs == 12
