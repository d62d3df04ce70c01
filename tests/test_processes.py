"""Workers are forked, and end with the process that started them."""

import os
import signal
import subprocess
import sys

import pytest

from curate.processes import forked

PROGRAM = """
import multiprocessing, os, sys, time
from curate.processes import end_with_parent

def work(how, ready):
    end_with_parent()
    ready.send(os.getpid())
    time.sleep(60)

if __name__ == "__main__":
    end_with_parent()  # nobody of ours has started this one: nothing happens
    here, there = multiprocessing.Pipe()
    context = multiprocessing.get_context(sys.argv[1])
    for _ in range(2):
        context.Process(target=work, args=(None, there), daemon=False).start()
    print(here.recv(), here.recv(), flush=True)
    os.kill(os.getpid(), 9)
"""


HELD = []


def given(here):
    HELD.append(here)


def about(_):
    ignored = [signal.getsignal(one) == signal.SIG_IGN for one in (signal.SIGINT, signal.SIGTERM)]
    return os.getpid(), ignored, [one() for one in HELD]


@pytest.mark.skipif(sys.platform != "linux", reason="threads, where processes do not fork")
def test_workers_are_others_and_have_what_this_process_has():
    here = "what no other process could be sent"
    with forked(2, given, (lambda: here,)) as pool:
        told = list(pool.map(about, range(8)))
    assert os.getpid() not in {worker for worker, _, _ in told}
    assert {tuple(ignored) for _, ignored, _ in told} == {(True, True)}
    assert {tuple(held) for _, _, held in told} == {(here,)}
    assert HELD == []


def test_elsewhere_there_are_none(monkeypatch):
    monkeypatch.setattr(sys, "platform", "win32")
    assert forked(2) is None


def test_processes_end_with_one_that_is_killed(tmp_path):
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    for how in ("fork", "spawn"):
        running = subprocess.run(
            [sys.executable, str(program), how], stdout=subprocess.PIPE, text=True, timeout=30, check=False
        )  # which waits until the last has closed its output
        assert len(running.stdout.split()) == 2
        assert running.returncode == -9
