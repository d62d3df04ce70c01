"""A process ends with the one that started it."""

import subprocess
import sys

PROGRAM = """
import multiprocessing, os, sys, time
from curate.parent import end_with_parent

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


def test_processes_end_with_one_that_is_killed(tmp_path):
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    for how in ("fork", "spawn"):
        running = subprocess.run(
            [sys.executable, str(program), how], stdout=subprocess.PIPE, text=True, timeout=30, check=False
        )  # which waits until the last has closed its output
        assert len(running.stdout.split()) == 2
        assert running.returncode == -9
