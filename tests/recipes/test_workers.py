"""Workers: threads and GPUs are shared out, an interrupt ends a task alone, and none is left behind."""

import os
import signal
import subprocess
import sys
import time

import pytest

from curate.errors import CurateError
from curate.recipes import workers as room
from curate.recipes.workers import at_work, cluster, processes


def test_threads_are_shared_out_and_each_worker_has_a_gpu(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "4")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "6,7")
    with processes(2) as workers:
        futures = [workers.executor.submit(at_work, time.sleep, 0.5) for _ in range(2)]
        threads = [workers.executor.submit(os.getenv, "OMP_NUM_THREADS") for _ in range(8)]
        devices = [workers.executor.submit(os.getenv, "CUDA_VISIBLE_DEVICES") for _ in range(8)]
        assert {future.result() for future in threads} == {"2"}
        assert {future.result() for future in devices} <= {"6", "7"}
        assert [future.result() for future in futures] == [None, None]
    assert workers.n_threads == 2


def test_after_a_loss_there_are_others():
    with processes(1) as workers:
        with pytest.raises(workers.lost):
            workers.executor.submit(at_work, os._exit, 3).result()
        workers.renew()
        assert workers.executor.submit(at_work, abs, -3).result() == 3


def test_an_interrupt_is_an_error_of_the_task_and_nothing_where_there_is_none():
    def interrupted():
        room._interrupted()

    room._interrupted()
    with pytest.raises(InterruptedError):
        at_work(interrupted)
    room._interrupted()


RUN = """
import os, time
from curate.recipes.workers import at_work, processes
if __name__ == "__main__":
    with processes(1) as workers:
        print(workers.executor.submit(os.getpid).result(), flush=True)
        workers.executor.submit(at_work, time.sleep, 60)
        time.sleep(60)
"""


def test_a_worker_ends_when_its_run_is_killed(here):
    (here / "run.py").write_text(RUN)
    with subprocess.Popen([sys.executable, "run.py"], stdout=subprocess.PIPE, cwd=here) as run:
        worker = int(run.stdout.readline())
        run.send_signal(signal.SIGKILL)
    for _ in range(100):
        try:
            os.kill(worker, 0)
        except ProcessLookupError:
            break
        time.sleep(0.1)
    else:
        pytest.fail("the worker outlives its run")


def test_what_cannot_work_says_so(monkeypatch):
    with pytest.raises(CurateError, match="jobs=0 is too few"), processes(0):
        pass
    monkeypatch.setitem(sys.modules, "distributed", None)
    with (
        pytest.raises(CurateError, match=r"--scheduler needs Dask: pip install 'curate\[cluster\]'"),
        cluster("x"),
    ):
        pass


def test_gpus_are_counted_without_torch(monkeypatch, here):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert room._gpus() == []
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,3")
    assert room._gpus() == ["0", "3"]
