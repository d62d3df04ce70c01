"""Killed with SIGKILL at any moment and called again: a run goes on where it was, to the same bytes."""

import json
import os
import subprocess
import sys

import pytest
from unfinished_runs import MANIFEST, assert_same, content

import curate

N_KILLS = 20
WORDS = ["train", "digits", "--policy", "ucb", "--keep", "0.3", "--period", "1", "--epochs", "12"]
WORDS += ["--set", "width=4", "--evaluate-every", "4", "--device", "cpu", "-o", "run"]

# One interpreter imports everything once; every attempt is a fork of it that runs the real entry point.
DRIVER = """
import json, os, random, signal, sys, time
from pathlib import Path

# All that a run imports, none of it run yet: no thread has been started when it comes to a fork.
import pyarrow.dataset, pyarrow.parquet, pydantic.type_adapter, safetensors.torch, scipy.optimize
import scipy.stats, sklearn.datasets, torch, torch._dynamo

import curate.cli.train, curate.models.basic_cnn, curate.policies.ucb, curate.show.talk
import curate.sources.digits, curate.verbs.train
from curate.cli.main import main

WORDS, N_KILLS = json.loads(sys.argv[1])
ROOT = Path.cwd()


def start(folder, often=False):
    assert len(os.listdir("/proc/self/task")) == 1, "a fork takes only one thread along"
    folder.mkdir(exist_ok=True)
    child = os.fork()
    if child:
        return child
    code = 70
    try:
        os.chdir(folder)
        log = os.open(ROOT / f"{folder.name}.log", os.O_CREAT | os.O_APPEND | os.O_WRONLY)
        os.dup2(log, 1)
        os.dup2(log, 2)
        if often:
            import curate.training.unfinished

            curate.training.unfinished._SHARE = 1.0
        sys.argv = ["curate", *WORDS]
        main()
        code = 0
    except SystemExit as done:
        code = done.code or 0
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def stage(folder):
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


def attempt(folder, delay, often):
    # Killed after `delay` seconds, or what it ended with where it was done before.
    child = start(folder, often)
    until = time.monotonic() + delay
    while (left := until - time.monotonic()) > 0:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(min(left, 0.005))
    os.kill(child, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


began = time.monotonic()
assert os.waitpid(start(ROOT / "calm"), 0)[1] == 0
duration = time.monotonic() - began

chance = random.Random(20)
killed, folders, n_attempts = [], [], 0
while len(killed) < N_KILLS:
    folder = ROOT / f"killed-{len(folders)}"
    folders.append(folder.name)
    while True:
        delay = chance.uniform(0, duration) if len(killed) < N_KILLS else 3600
        code = attempt(folder, delay, often=n_attempts % 2 == 1)
        n_attempts += 1
        if code != -signal.SIGKILL:
            break
        killed.append(stage(folder))
    # A kill between the manifest's last step and the exit leaves a finished run, which is not replaced.
    finished = code == 2 and killed and killed[-1] == "manifest in place"
    assert code == 0 or finished, f"{folder} ended with {code}"
print(json.dumps({"duration": duration, "killed": killed, "folders": folders}))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="forks, and reads /proc")
def test_killed_at_20_random_moments_the_result_is_the_same_to_the_byte(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", DRIVER, json.dumps([WORDS, N_KILLS])],
        cwd=tmp_path,
        env={**os.environ, "OMP_NUM_THREADS": "1", "JE_ARROW_MALLOC_CONF": "background_thread:false"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    logs = "\n".join(f"{log.name}:\n{log.read_text()}" for log in sorted(tmp_path.glob("*.log")))
    assert done.returncode == 0, done.stderr + logs
    report = json.loads(done.stdout)
    print(f"undisturbed: {report['duration']:.2f} s; killed: {report['killed']}")
    assert len(report["killed"]) == N_KILLS
    assert "going on after epoch" in logs, "no attempt had anything to go on from"
    calm = content(tmp_path / "calm" / "run")
    assert set(calm) == MANIFEST
    for folder in report["folders"]:
        assert_same(content(tmp_path / folder / "run"), calm)
    assert curate.open_manifest(tmp_path / "calm" / "run").n_epochs == 12
