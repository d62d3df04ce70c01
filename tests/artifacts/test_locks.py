"""Locks: one holder at a time, waited for or refused, and gone with their process."""

import subprocess
import sys

import pytest

from curate.artifacts.locks import locked
from curate.errors import CurateError

HOLD = "import sys, time; from pathlib import Path; from curate.artifacts.locks import locked\n"
HOLD += "with locked(Path('.')): print('held', flush=True); time.sleep(60)"


def test_a_lock_is_refused_while_it_is_held_and_free_once_its_process_is_killed(here):
    with subprocess.Popen([sys.executable, "-c", HOLD], stdout=subprocess.PIPE, cwd=here) as holder:
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(CurateError, match="taken: wait"), locked(here, in_use="taken: wait"):
            pass
        holder.kill()
    with locked(here, in_use="taken: wait"):
        pass
    assert list(here.iterdir()) == []


def test_an_error_inside_frees_it(here):
    with pytest.raises(KeyError), locked(here):
        raise KeyError
    with locked(here, in_use="taken"):
        pass
