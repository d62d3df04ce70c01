"""Runs in processes and on a Dask cluster: killed, cut off, a worker lost, the table is the same."""

import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import asdict

import pytest

from curate.artifacts.results import read_results

SECONDS = {"scoring_seconds", "select_seconds", "train_seconds", "evaluate_seconds"}
TINY = """
controls = ["random"]
[every.train]
epochs = 3
set = { width = 2 }
trials = 2
[every.replay]
epochs = 3
set = { width = 2 }
trials = 2
[vectors]
embed = "digits"
dim = 4
[clusters]
cluster = "vectors"
k = 5
[selected]
select = "clusters"
keep = 0.3
[static]
replay = "selected"
[dynamic]
train = "digits"
policy = "uncertainty"
warm-up = 0
keep = 0.3
"""


def table(path):
    """The rows without their seconds; as texts, in which an epoch that nobody looked at equals another."""
    return [
        {name: repr(value) for name, value in asdict(row).items() if name not in SECONDS}
        for row in read_results(path)
    ]


def start(*words, **more):
    command = [sys.executable, "-m", "curate", "run", *words]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment, **more
    )


def finished(*words):
    with start(*words) as run:
        out, err = run.communicate(timeout=300)
    assert run.returncode == 0, err
    return out


@pytest.mark.slow
def test_killed_ten_times_and_started_again_it_gives_the_same_table(written, here):
    recipe = str(written(TINY, "tiny.toml"))
    finished(recipe, "--store", "undisturbed", "-o", "undisturbed.parquet")
    chance = random.Random(0)
    for number in range(10):
        with start(recipe, start_new_session=True) as run:
            time.sleep(chance.uniform(1, 12))
            if number % 2:
                run.kill()  # the run alone: its worker must follow
            else:
                os.killpg(run.pid, signal.SIGKILL)
    finished(recipe)
    assert table("tiny.parquet") == table("undisturbed.parquet")
    assert not list(here.glob("**/*.tmp"))


@pytest.mark.slow
def test_ctrl_c_keeps_what_is_finished_and_says_how_to_go_on(written, here):
    recipe = str(written(TINY, "tiny.toml"))
    with start(recipe, start_new_session=True) as run:
        deadline = time.monotonic() + 120
        while not list(here.glob("curate-store/cluster/*/done.json")):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        os.killpg(run.pid, signal.SIGINT)
        _, err = run.communicate(timeout=60)
    assert run.returncode == 130
    assert "Traceback" not in err
    assert "run the same command again to go on" in err
    finished(recipe)
    assert len(read_results("tiny.parquet")) == 6


@pytest.mark.slow
def test_on_a_dask_cluster_that_loses_a_worker_the_table_is_the_same(written, here):
    pytest.importorskip("distributed")
    recipe = str(written(TINY, "tiny.toml"))
    finished(recipe, "--store", "undisturbed", "-o", "undisturbed.parquet")
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "DASK_DISTRIBUTED__ADMIN__TICK__LIMIT": "60s"}

    def dask(*words):
        return subprocess.Popen(
            [sys.executable, "-m", "distributed.cli." + words[0], *words[1:]], env=environment,
            stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip

    address = "tcp://127.0.0.1:18786"
    started = [dask("dask_scheduler", "--host", "127.0.0.1", "--port", "18786", "--no-dashboard")]
    time.sleep(3)
    worker = (
        "dask_worker",
        address,
        "--nthreads",
        "1",
        "--no-nanny",
        "--no-dashboard",
        "--host",
        "127.0.0.1",
    )
    started += [dask(*worker) for _ in range(2)]
    try:
        time.sleep(5)
        with start(recipe, "--scheduler", address) as run:
            deadline = time.monotonic() + 120
            while not list(here.glob("curate-store/train/*/lock")):
                assert time.monotonic() < deadline
                time.sleep(0.05)
            started[1].kill()  # in the midst of a training run, if it is the one that has it
            _, err = run.communicate(timeout=300)
        assert run.returncode == 0, err
        assert table("tiny.parquet") == table("undisturbed.parquet")
    finally:
        for process in started:
            process.kill()
            process.wait()


@pytest.mark.slow
def test_a_scheduler_that_is_not_there_is_an_error(written):
    recipe = str(written(TINY, "tiny.toml"))
    with start(recipe, "--scheduler", "tcp://127.0.0.1:9") as run:
        _, err = run.communicate(timeout=120)
    assert run.returncode == 2
    assert "no Dask scheduler answers at tcp://127.0.0.1:9" in err.splitlines()[-1]
