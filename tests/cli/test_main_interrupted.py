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


@pytest.mark.parametrize(
    ("words", "left"),
    [
        (("pack", "digits", "-o", "p.safetensors"), []),
        (("embed", "digits", "--dim", "8", "--shard-size", "500", "-o", "v"), ["v", "v/.fit.safetensors"]),
    ],
    ids=["pack", "embed in shards"],
)
def test_what_did_not_fit_is_not_there_and_a_larger_disk_takes_it(fresh_forks, tmp_path, words, left):
    done = fresh_forks.run(words, tmp_path, os.environ, SMALL_DISK)
    assert done.returncode == 2
    assert "make room" in done.stderr.strip().splitlines()[-1]
    assert sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")) == left
    assert fresh_forks.run(words, tmp_path, os.environ).returncode == 0


def test_a_reader_that_hangs_up_is_no_traceback(digits_round):
    words = [sys.executable, "-m", "curate", "inspect", str(digits_round.manifest)]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    process.stdout.close()
    assert "Traceback" not in process.stderr.read()
    process.wait(timeout=60)


@pytest.mark.parametrize("after", [0.02, 0.1, 0.3, 0.6, 1.0])
def test_an_interrupt_while_libraries_are_imported_is_an_interrupt(tmp_path, after):
    words = [sys.executable, "-m", "curate", *SLOW_TRAIN]
    with subprocess.Popen(words, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as running:
        started = time.monotonic()
        while "curate" not in _modules(running.pid) and time.monotonic() - started < 10:
            time.sleep(0.005)
        time.sleep(after)
        running.send_signal(signal.SIGINT)
        _, err = running.communicate(timeout=60)
    assert running.returncode == 130, err
    assert err.strip().splitlines()[-1] == "error: interrupted: what was there before is untouched"
    assert "unexpected" not in err


def _modules(pid: int) -> str:
    """Files that a process has open or mapped, and its command line once it runs that of curate."""
    try:
        with open(f"/proc/{pid}/maps") as maps:
            return "curate" if "_ctypes" in (text := maps.read()) or "_json" in text else ""
    except OSError:
        return "curate"


def test_what_a_library_makes_of_an_interrupt_is_one(cli, monkeypatch):
    from curate.cli import main

    def broken(*_, **__):
        try:
            raise KeyboardInterrupt
        except KeyboardInterrupt as interrupt:
            raise ImportError("numpy is broken") from interrupt

    ended = []
    monkeypatch.setattr("curate.verbs.embed.embed", broken)
    monkeypatch.setattr(main.os, "_exit", lambda code: (ended.append(code), sys.exit(code)))
    result = cli("embed", "digits")
    assert ended == [130]
    assert "interrupted" in result.err
