"""Killed, interrupted or out of room: what was there before is there still, and nothing half-written."""

import os
import signal
import subprocess
import sys
import time

import pytest

import curate

pytest_plugins = ["helpers.forks"]

SLOW_EMBED = ("embed", "digits", "--method", "autoencoder", "--set", "n_steps=100000", "-o", "e.safetensors")
SLOW_TRAIN = ("train", "digits", "--epochs", "1000", "-o", "run")
SLOW_SCORE = ("score", "digits", "--method", "aum", "--models", "4", "--epochs", "1000", "-o", "run")


def wait_until_busy(fork):
    """Until the process has used so much processor time that it must be at work."""
    deadline = time.monotonic() + 60
    used = 0.0
    while used < 1.5 and time.monotonic() < deadline:
        assert fork.wait(0.05) is None, fork.err.read_text()
        with open(f"/proc/{fork.pid}/stat") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        used = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@pytest.mark.parametrize("words", [SLOW_EMBED, SLOW_TRAIN, SLOW_SCORE], ids=["embed", "train", "score"])
def test_ctrl_c_leaves_nothing_and_says_so(fresh_forks, words, tmp_path):
    fork = fresh_forks.start(words, tmp_path, os.environ, "import torch; torch.set_num_threads(2)")
    wait_until_busy(fork)
    fork.send(signal.SIGINT)
    assert fork.wait(60) == 130
    err = fork.err.read_text()
    assert err.strip().splitlines()[-1] == "error: interrupted: what was there before is untouched"
    left = [path.name for path in tmp_path.iterdir()]
    assert left in ([], ["run.unfinished"])  # a run whose first epoch was done can go on
    assert ("run the same command again to go on" in err) == bool(left)


def test_kill_9_keeps_what_was_there(fresh_forks, tmp_path):
    curate.embed("digits", dim=3, output=tmp_path / "e.safetensors")
    before = (tmp_path / "e.safetensors").read_bytes()
    fork = fresh_forks.start((*SLOW_EMBED, "--force"), tmp_path, os.environ)
    wait_until_busy(fork)
    assert fork.kill() == -signal.SIGKILL
    assert (tmp_path / "e.safetensors").read_bytes() == before
    curate.open_embedding(tmp_path / "e.safetensors")


SMALL_DISK = """
import resource, signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
"""


def test_no_room_left_is_one_line_and_keeps_what_was_there(fresh_forks, tmp_path):
    curate.embed("digits", dim=1, output=tmp_path / "e.safetensors")
    before = (tmp_path / "e.safetensors").read_bytes()
    words = ("embed", "digits", "--dim", "40", "-o", "e.safetensors", "--force")
    done = fresh_forks.run(words, tmp_path, os.environ, SMALL_DISK)
    assert done.returncode == 2
    line = done.stderr.strip().splitlines()[-1]
    assert line.startswith("error: File too large")
    assert "make room" in line
    assert (tmp_path / "e.safetensors").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["e.safetensors"]


def test_a_reader_that_hangs_up_is_no_traceback(digits_round):
    words = [sys.executable, "-m", "curate", "inspect", str(digits_round.manifest)]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    process.stdout.close()
    assert "Traceback" not in process.stderr.read()
    process.wait(timeout=60)
