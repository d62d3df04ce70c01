"""Locks on folders and files: they die with the process that holds them, so a kill leaves none behind."""

import importlib
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from curate.errors import CurateError


@contextmanager
def locked(place: Path, in_use: str = "") -> Iterator[None]:
    """Hold the lock of a folder or a file: wait for it, or refuse, with the text `in_use`."""
    if os.name != "posix":  # no such locks on Windows
        yield
        return
    fcntl: Any = importlib.import_module("fcntl")
    descriptor = os.open(place, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | (fcntl.LOCK_NB if in_use else 0))
        except BlockingIOError:
            raise CurateError(in_use) from None
        yield
    finally:
        with suppress(OSError):
            os.close(descriptor)
