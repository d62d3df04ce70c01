"""Killed, interrupted or out of room: what was there before is there still, and nothing half-written."""

import os
import resource
import signal
import subprocess
import sys
import time

import pytest

import curate

SLOW_EMBED = ("embed", "digits", "--method", "autoencoder", "--set", "n_steps=100000", "-o", "e.safetensors")
SLOW_TRAIN = ("train", "digits", "--epochs", "1000", "-o", "run")


def heed_interrupts():
    """A test suite in the background of a shell ignores SIGINT, and its children would too."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def start(words, folder, preexec_fn=heed_interrupts):
    return subprocess.Popen(
        [sys.executable, "-m", "curate", *words],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=preexec_fn,
    )


def wait_until_busy(process):
    """Until the process has used so much processor time that it must be past its imports."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        with open(f"/proc/{process.pid}/stat") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        if (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK") > 8:
            return
        time.sleep(0.05)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("words", [SLOW_EMBED, SLOW_TRAIN], ids=["embed", "train"])
def test_ctrl_c_leaves_nothing_and_says_so(words, tmp_path):
    process = start(words, tmp_path)
    wait_until_busy(process)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert err.strip().splitlines()[-1] == "error: interrupted: what was there before is untouched"
    left = [path.name for path in tmp_path.iterdir()]
    assert left in ([], ["run.unfinished"])  # a run whose first epoch was done can go on
    assert ("run the same command again to go on" in err) == bool(left)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_kill_9_keeps_what_was_there(tmp_path):
    curate.embed("digits", dim=3, output=tmp_path / "e.safetensors")
    before = (tmp_path / "e.safetensors").read_bytes()
    process = start((*SLOW_EMBED, "--force"), tmp_path)
    wait_until_busy(process)
    process.kill()
    process.communicate(timeout=60)
    assert (tmp_path / "e.safetensors").read_bytes() == before
    curate.open_embedding(tmp_path / "e.safetensors")


def limit_file_size():
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))


def test_no_room_left_is_one_line_and_keeps_what_was_there(tmp_path):
    curate.embed("digits", dim=1, output=tmp_path / "e.safetensors")
    before = (tmp_path / "e.safetensors").read_bytes()
    words = ("embed", "digits", "--dim", "40", "-o", "e.safetensors", "--force")
    process = start(words, tmp_path, preexec_fn=limit_file_size)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 2
    line = err.strip().splitlines()[-1]
    assert line.startswith("error: File too large")
    assert "make room" in line
    assert (tmp_path / "e.safetensors").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["e.safetensors"]


def test_a_reader_that_hangs_up_is_no_traceback(tmp_path, digits_round):
    process = start(("inspect", str(digits_round.manifest)), tmp_path)
    process.stdout.close()
    assert "Traceback" not in process.stderr.read()
    process.wait(timeout=60)
